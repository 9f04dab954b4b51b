"""Erasing what someone was called and where they were reached, once they are no member any more.

No entry of the log changes: names and addresses stand apart from it (docs/why.md). What else holds them is emptied with
them; docs/operations.md lists what stays.
"""

import secrets
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NamedTuple

from sqlalchemy import text

from models.database import db
from models.errors import ConfirmationMismatch, Forbidden, NotFound
from models.field import Field
from models.hold import hold_organisation_alone
from models.log import people
from models.log.actor import Actor
from models.log.people import Known
from models.log.record import Action, Sentence, Subject, record
from models.numbers import whole_number
from models.people import leaving
from models.people.access import Permission, allows
from models.people.member import require_still
from models.people.user import by_email
from models.people.view import erase_from_views

REASON = Field("Reason", most=500)
INTEGER = 2**31 - 1
FORMER = "Personal data of a former member erased: "
INVITED = "Personal data of an invited person erased: "


@dataclass(frozen=True)
class Person:
    """Someone to be erased."""

    user_id: int | None
    """None of an address that was invited and of which it is not known whose it is."""
    addresses: frozenset[str]


class Erasure(NamedTuple):
    """What was erased of one person in one organisation, and has to be again once an older backup is back."""

    organisation_id: int
    user_id: int | None
    people: Sequence[tuple[int, bytes]]
    """The ids and commitments of what they were called."""
    tag: str
    with_account: bool
    at: datetime


def find_person(given: str) -> Person:
    """Returns whom an id or an address stands for, of an account or of the log alone. Raises NotFound."""
    address = given.strip().lower()
    account = by_email(address)
    if account is not None:
        return person_of(account.id, address)
    with suppress(ValueError):
        return person_of(whole_number(address, INTEGER))
    called = people.called(address, people.organisations())
    if not called:
        raise NotFound(f"Neither an account nor the log knows {given}.")
    ids = {each.user_id for each in called if each.user_id is not None}
    return person_of(min(ids), address) if ids else Person(None, frozenset({address}))


def person_of(user_id: int, *addresses: str) -> Person:
    """Returns someone who has or had an account, with every address that is known to be theirs. Raises NotFound."""
    known = people.of_user(user_id, people.organisations())
    present = leaving.address_of(user_id)
    if present is None and not known:
        raise NotFound(f"There is and was no account {user_id}.")
    # Anyone may call themselves by another one's address.
    theirs = {each.name for each in known if "@" in each.name and leaving.is_free(each.name, user_id)}
    return Person(user_id, frozenset({*addresses, *theirs, *([present] if present else [])}))


def erase(person: Person, actor: Actor, reason: str | None, organisation_id: int | None = None) -> list[Erasure]:
    """Erase someone in one organisation, or in all of them and their account with them; each has an entry.

    Raises Forbidden while they are a member there or an invitation of theirs is open, Invalid, NotFound.
    """
    # A reason stands in the entry beside slots, which begin with a control character that this refuses.
    told = None if reason is None else str(REASON.check(reason))
    everywhere = people.organisations()
    scope = everywhere if organisation_id is None else [organisation_id]
    leaving.require_gone(person.user_id, sorted(person.addresses), scope)
    tag = people.tag_of(person.user_id, everywhere) or _new_tag(everywhere)
    with_account = organisation_id is None and person.user_id is not None
    done = []
    for each in scope:
        found = _known(each, person)
        if found:
            done.append(_erase_in(each, person, found, tag, actor, told, with_account))
    if with_account and person.user_id is not None:
        leaving.empty_account(person.user_id, tag, sorted(person.addresses))
    elif not done:
        raise NotFound("Nothing is left to be erased.")
    return done


def erase_known(erasure: Erasure, person: Person, ids: Sequence[int], actor: Actor, reason: str) -> bool:
    """Erase once more what an earlier erasure says; whether there was anything. Raises Forbidden of a member."""
    organisation_id = erasure.organisation_id
    leaving.require_gone(person.user_id, sorted(person.addresses), [organisation_id])
    theirs = {each.id: each for each in (*_known(organisation_id, person), *people.of_ids(organisation_id, ids))}
    found = list(theirs.values())
    if found:
        addresses = person.addresses | {each.name for each in found if each.user_id is None}
        person = Person(person.user_id, frozenset(addresses))
        _erase_in(organisation_id, person, found, erasure.tag, actor, reason, erasure.with_account)
    if erasure.with_account and person.user_id is not None:
        leaving.empty_account(person.user_id, erasure.tag, sorted(person.addresses))
    return bool(found)


def erase_former_member(organisation_id: int, actor: Actor, user_id: int, confirm: str) -> list[Erasure]:
    """Erase someone in an organisation, as its owner wants it, who types what they are called to confirm it.

    Raises ConfirmationMismatch, Forbidden, NotFound.
    """
    hold_organisation_alone(organisation_id)
    require_still(actor, organisation_id)
    if not allows(actor.role, Permission.ERASE_MEMBERS):
        raise Forbidden("Only an owner can erase personal data.")
    former = {each.user_id: each.name for each in people.former_members(organisation_id)}
    if user_id not in former:
        raise NotFound("There is no former member like this, or their data is erased already.")
    if confirm.strip() != former[user_id]:
        raise ConfirmationMismatch("Type the name exactly as it is shown.")
    return erase(person_of(user_id), actor, None, organisation_id)


def _erase_in(
    organisation_id: int,
    person: Person,
    found: Sequence[Known],
    tag: str,
    actor: Actor,
    reason: str | None,
    with_account: bool,
) -> Erasure:
    subject, before = _subject(organisation_id, person, found, people.shown_as(tag))
    people.erase(organisation_id, [each.id for each in found], tag)
    names = sorted({each.name for each in found})
    own = [each for each in found if each.user_id is not None]
    if person.user_id is not None and own:
        values = {"organisation": organisation_id, "user": person.user_id, "names": names}
        db.session.execute(ERASE_PAYER, values)
    leaving.empty_invitations(organisation_id, person.user_id, tag, sorted(person.addresses))
    erase_from_views(organisation_id, person.user_id, names, people.shown_as(tag))
    changes = {"reason": [None, reason]} if reason else None
    record(actor, Action.DELETE, subject, changes, sentence=Sentence(before, " from now on"))
    erased = [(each.id, each.commitment) for each in found]
    return Erasure(organisation_id, person.user_id, erased, tag, with_account, datetime.now(UTC))


def _known(organisation_id: int, person: Person) -> list[Known]:
    """What someone was called in an organisation: under their id, and their addresses before it was known whose."""
    found = people.of_user(person.user_id, [organisation_id]) if person.user_id is not None else []
    for address in sorted(person.addresses):
        found += [each for each in people.called(address, [organisation_id]) if each.user_id is None]
    return found


def _subject(organisation_id: int, person: Person, found: Sequence[Known], shown: str) -> tuple[Subject, str]:
    if person.user_id is not None and any(each.user_id is not None for each in found):
        return Subject(organisation_id, "user", person.user_id, shown), FORMER
    invitation = people.latest_about(organisation_id, [each.id for each in found])
    return Subject(organisation_id, "invitation", invitation or 0, shown), INVITED


def _new_tag(organisations: Sequence[int]) -> str:
    """Returns four random digits that nobody has; more of them where many have been erased."""
    for attempt in range(100):
        tag = secrets.token_hex(2 + attempt // 10)
        if not people.called(people.shown_as(tag), organisations):
            return tag
    raise RuntimeError("every tag is taken")


ERASE_PAYER = text("SELECT erase_payer(:organisation, :user, CAST(:names AS text[]))")
