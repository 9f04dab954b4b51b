"""Renaming a person, which every organisation they belong to learns from its log."""

from dataclasses import replace

from sqlalchemy import text

from models.database import db
from models.log.actor import Actor
from models.log.record import Action, Sentence, Subject, record
from models.people.user import User

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
    if user.name == old:
        return
    for organisation_id, role in db.session.execute(BELONGS_TO, {"user": user.id}):
        subject = Subject(organisation_id, "user", user.id, old)
        sentence = Sentence("User ", f" renamed to {user.name}")
        record(replace(actor, role=role), Action.UPDATE, subject, {"name": [old, user.name]}, sentence=sentence)
