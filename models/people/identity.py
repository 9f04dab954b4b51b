"""What people are called and where they are reached; the log of every organisation of theirs tells what changes."""

from dataclasses import replace
from datetime import datetime

from sqlalchemy import text

from models.database import add, db
from models.errors import EmailTaken, Invalid
from models.log.actor import Actor
from models.log.record import SECOND, SUBJECT, THIRD, Action, Changes, PersonName, Sentence, Subject, record
from models.people.account_link import make_address_link, use_address_link
from models.people.user import User, checked_email

TAKEN = "Another account has this address."

# What a deleted organisation was made of keeps its names; only who leaves it is still told there.
BELONGS_TO = text("""
    SELECT memberships.organisation_id, memberships.role FROM memberships
      JOIN organisations ON organisations.id = memberships.organisation_id
     WHERE memberships.user_id = :user AND organisations.state IN ('active', 'suspended')
     ORDER BY memberships.organisation_id
""")


def rename(user: User, actor: Actor, name: str) -> None:
    """Give a person another name, with an entry in every organisation of theirs; the present one changes nothing.

    Entries already written keep the old one. Raises Invalid.
    """
    old = user.name
    user.rename(name)
    if user.name != old:
        sentence = Sentence("User ", f" renamed to {SECOND}", [PersonName(user.id, user.name)])
        _record(user, actor, old, sentence, {"name": [SUBJECT, SECOND]})


def ask_for_email(user: User, password: str, email: str, now: datetime) -> tuple[str, str]:
    """Returns the address as it would be stored, and the token of the link that proves it. Raises Invalid.

    Nothing changes before the link is used, and whether another account has the address is not looked at: that is
    nobody's business but of whoever reads the mail that goes there.
    """
    wanted = _wanted(user, password, email)
    return wanted, make_address_link(user, wanted, now)


def change_email(user: User, actor: Actor, token: str, now: datetime) -> None:
    """Have the address that the link has proven from now on. Raises EmailTaken, NotFound."""
    _take(user, actor, use_address_link(user, token, now), now)


def replace_email(user: User, actor: Actor, password: str, email: str) -> None:
    """Have another address at once, which nobody has proven, where no mail can be sent. Raises EmailTaken, Invalid."""
    _take(user, actor, _wanted(user, password, email), None)


def _wanted(user: User, password: str, email: str) -> str:
    wanted = checked_email(email)
    user.require_password(password, "password")
    if wanted == user.email:
        raise Invalid("This is your address already.", "email")
    return wanted


def _take(user: User, actor: Actor, email: str, verified_at: datetime | None) -> None:
    old = user.email
    user.email, user.verified_at = email, verified_at
    add(user, EmailTaken(TAKEN))
    addresses = [PersonName(user.id, old), PersonName(user.id, email)]
    sentence = Sentence("User ", "'s email address changed", addresses)
    _record(user, actor, user.name, sentence, {"email_address": [SECOND, THIRD]})


def _record(user: User, actor: Actor, name: str, sentence: Sentence, changes: Changes) -> None:
    for organisation_id, role in db.session.execute(BELONGS_TO, {"user": user.id}).all():
        subject = Subject(organisation_id, "user", user.id, name)
        record(replace(actor, role=role), Action.UPDATE, subject, changes, sentence=sentence)
