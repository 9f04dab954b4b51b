"""Erasing what someone was called: no entry changes, nothing of them is left, and everyone sees the same of them."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from sqlalchemy import text

from models.billing import payment
from models.database import db
from models.errors import ConfirmationMismatch, EntryOwed, Forbidden, Invalid, NotFound
from models.log import feed, offers, personal
from models.log.actor import SYSTEM_NAME, Actor, Door
from models.log.people import called, former_members, of_user, shown_as
from models.log.people import erase as empty_names
from models.log.query import parse
from models.log.record import SLOT
from models.log.search import Asker, Search
from models.organisation import Organisation
from models.people.access import Role
from models.people.identity import rename, replace_email
from models.people.member import accept_invitation, find_member, invite_member, revoke_invitation
from models.people.user import User, authenticate, find_user, sign_up
from models.people.view import save_view, views_of
from models.system import erasure_list
from models.system.erasure import Erasure, erase, erase_former_member, find_person, person_of
from models.transaction import transaction
from tests.support.log import found_another, latest_entry, summaries, unfolded
from tests.support.money import add_card
from tests.support.proof import violations
from tests.support.servers import Servers
from tests.support.timeline import dump, restore

PASSWORD = "correct horse battery"
OPERATOR = Actor(None, SYSTEM_NAME, None, Door.CLI)
BYTES = """
    SELECT md5(string_agg(CAST(entry AS text) || xmin || ctid, ',' ORDER BY organisation_id, number))
      FROM activity_entries AS entry WHERE organisation_id < %s OR number <= %s
"""


@pytest.fixture
def emmy(acme: Organisation, ada: Actor) -> User:
    """Someone who joined, has another name and address by now, did this and that, and was removed."""
    with transaction():
        emmy = sign_up("emmy@example.com", "Emmy Noether", PASSWORD)
        emmy.verified_at = datetime.now(UTC)
    _join(acme, ada, emmy)
    as_emmy = Actor(emmy.id, "Emmy Noether", "owner", Door.WEB)
    with transaction():
        invited = invite_member(acme.id, as_emmy, "emil@example.com", Role.MEMBER, datetime.now(UTC)).invitation
        emil = sign_up("emil@example.com", "Emil Artin", PASSWORD)
        emil.verified_at = datetime.now(UTC)
    with transaction():
        accept_invitation(invited, emil, Actor(emil.id, emil.name, "member", Door.WEB), datetime.now(UTC))
    with transaction():
        rename(emmy, as_emmy, "Amalie Noether")
        replace_email(emmy, as_emmy, PASSWORD, "amalie@example.com")
    with transaction():
        find_member(acme.id, emmy.id).remove(ada)
    return emmy


def _join(organisation: Organisation, ada: Actor, someone: User, role: Role = Role.OWNER) -> None:
    now = datetime.now(UTC)
    with transaction():
        invited = invite_member(organisation.id, ada, someone.email, role, now).invitation
    with transaction():
        accept_invitation(invited, someone, Actor(someone.id, someone.name, role, Door.WEB), now)


def _erase(person: Any, organisation: Organisation | None = None, reason: str = "they asked for it") -> list[Erasure]:
    with transaction():
        return erase(person, OPERATOR, reason, organisation.id if organisation else None)


def everything(superuser: psycopg.Connection) -> str:
    """All that all tables hold, but for the log's own that nobody can change."""
    tables = superuser.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
    return "".join(str(superuser.execute(f"SELECT * FROM {each}".encode()).fetchall()) for (each,) in tables)


@pytest.mark.parametrize("with_account", [True, False])
def test_nobody_is_erased_without_an_entry(acme: Organisation, ada: Actor, emmy: User, with_account: bool) -> None:
    with transaction():
        invite_member(acme.id, ada, "nobody@example.com", Role.MEMBER, datetime.now(UTC))
    known = of_user(emmy.id, [acme.id]) if with_account else called("nobody@example.com", [acme.id])
    assert known

    with pytest.raises(EntryOwed), transaction():
        empty_names(acme.id, [each.id for each in known], "7f3a")


def test_not_a_byte_of_the_log_is_written_but_the_new_entry(
    acme: Organisation, emmy: User, superuser: psycopg.Connection
) -> None:
    head = feed.head(acme.id)
    before = superuser.execute(BYTES, (acme.id, head)).fetchone()
    _erase(find_person("amalie@example.com"))

    assert superuser.execute(BYTES, (acme.id, head)).fetchone() == before
    assert feed.head(acme.id) == head + 1
    assert violations(superuser) == []


def test_nothing_of_someone_who_was_erased_everywhere_is_left_in_any_table(
    acme: Organisation, emmy: User, superuser: psycopg.Connection
) -> None:
    assert "Noether" in everything(superuser)
    _erase(find_person(str(emmy.id)))
    left = everything(superuser)

    assert [each for each in ("Noether", "Emmy", "emmy@", "amalie@") if each.lower() in left.lower()] == []
    assert "Emil Artin" in left


def test_every_sentence_shows_the_same_in_their_place(acme: Organisation, emmy: User) -> None:
    done = _erase(find_person("emmy@example.com"))
    shown = shown_as(done[0].tag)
    last = latest_entry(acme)

    assert summaries(acme)[5:] == [
        f"User {shown} added as owner, invited by Ada Lovelace",
        "Invitation of emil@example.com as member sent",
        f"User Emil Artin added as member, invited by {shown}",
        f"User {shown} renamed to {shown}",
        f"User {shown}'s email address changed",
        f"User {shown} removed",
        f"Personal data of a former member erased: {shown} from now on",
    ]
    assert (last.actor_name, last.door, last.resource_id, last.changes) == (
        "system",
        "cli",
        emmy.id,
        {"reason": [None, "they asked for it"]},
    )
    assert personal.name_of(acme.id, emmy.id) == shown
    assert shown in {each.name for each in offers.actors(acme.id)}
    assert SLOT not in str(unfolded(feed.page(feed.whole(acme.named))))


def test_someone_who_was_erased_is_found_by_what_they_are_shown_as_and_not_by_their_names(
    acme: Organisation, emmy: User
) -> None:
    shown = shown_as(_erase(find_person("amalie@example.com"))[0].tag)
    asker = Asker(1, UTC, datetime.now(UTC))

    def found(query: str) -> int:
        return len(unfolded(Search(feed.whole(acme.named), parse(query), asker).page()))

    assert found("noether") == found("resource:amalie*") == found('actor:"emmy noether"') == 0
    assert found(f'actor:"{shown}"') == 4
    assert found(f'resource:"{shown}" type:user') == 5


def test_whoever_is_erased_in_another_organisation_too_is_shown_as_the_same(
    acme: Organisation, emmy: User, people: dict[str, User], ada: Actor
) -> None:
    globex = found_another(people, ada, "globex")
    _join(globex, ada, find_user(emmy.id))
    with transaction():
        find_member(globex.id, emmy.id).remove(ada)
    first = _erase(person_of(emmy.id), acme)

    assert "Amalie Noether" in str(summaries(globex))
    assert find_user(emmy.id).name == "Amalie Noether"
    second = _erase(person_of(emmy.id), globex)
    assert first[0].tag == second[0].tag
    assert "Amalie" not in str(summaries(globex))
    with pytest.raises(NotFound):
        _erase(person_of(emmy.id), globex)


def test_an_account_that_was_erased_opens_to_no_password(acme: Organisation, emmy: User) -> None:
    epoch = emmy.session_epoch
    _erase(find_person("amalie@example.com"))
    db.session.expire_all()
    left = find_user(emmy.id)

    assert authenticate("amalie@example.com", PASSWORD) is None
    assert authenticate(left.email, PASSWORD) is None
    assert left.email.endswith("@erased.invalid")
    assert left.session_epoch == epoch + 1
    with transaction():
        sign_up("amalie@example.com", "Another Amalie", PASSWORD)


def test_nobody_is_erased_where_they_are_a_member(acme: Organisation, people: dict[str, User], emmy: User) -> None:
    vera = people["vera"]
    with pytest.raises(Forbidden, match="still a member of acme"):
        _erase(person_of(vera.id), acme)
    with pytest.raises(Forbidden, match="still a member of acme"):
        _erase(person_of(vera.id))


def test_nobody_is_erased_while_an_invitation_of_theirs_is_open(acme: Organisation, ada: Actor, emmy: User) -> None:
    now = datetime.now(UTC)
    with transaction():
        sent = invite_member(acme.id, ada, "amalie@example.com", Role.VIEWER, now).invitation
    with pytest.raises(Forbidden, match="open in acme"):
        _erase(person_of(emmy.id))
    with transaction():
        revoke_invitation(acme.id, ada, sent.id, now)

    assert _erase(person_of(emmy.id))


def test_an_address_that_was_only_ever_invited_is_erased_too(
    acme: Organisation, ada: Actor, superuser: psycopg.Connection
) -> None:
    now = datetime.now(UTC)
    with transaction():
        sent = invite_member(acme.id, ada, "nobody@example.com", Role.VIEWER, now).invitation
    with transaction():
        revoke_invitation(acme.id, ada, sent.id, now)
    tag = _erase(find_person("Nobody@example.com"))[0].tag

    assert latest_entry(acme).resource_type == "invitation"
    assert latest_entry(acme).resource_id == sent.id
    assert summaries(acme)[-3:] == [
        f"Invitation of erased person {tag} as viewer sent",
        f"Invitation of erased person {tag} revoked",
        f"Personal data of an invited person erased: erased person {tag} from now on",
    ]
    assert "nobody@" not in everything(superuser)


def test_the_name_of_who_paid_is_taken_out_of_payments_and_ledger(
    acme: Organisation, ada: Actor, superuser: psycopg.Connection
) -> None:
    card = add_card(acme, ada)
    with transaction():
        payer = sign_up("payer@example.com", "Pat by Pay", PASSWORD)
        payer.verified_at = datetime.now(UTC)
    _join(acme, ada, payer)
    actor, request = Actor(payer.id, payer.name, "owner", Door.WEB), uuid4()
    with transaction():
        asked = payment.ask(acme.id, actor, 2500, card.id, request)
    outcome = payment.collect(asked)
    with transaction():
        payment.book(asked, outcome)
    with transaction():
        find_member(acme.id, payer.id).remove(ada)
    assert "by Pat by Pay" in str(superuser.execute("SELECT description FROM ledger").fetchall())
    tag = _erase(person_of(payer.id), acme)[0].tag

    assert superuser.execute("SELECT actor_name FROM payments").fetchall() == [(f"erased person {tag}",)]
    [(described,)] = superuser.execute("SELECT description FROM ledger WHERE kind = 'top_up'").fetchall()
    assert described.endswith(f" by erased person {tag}")
    assert "Pat" not in str(superuser.execute("SELECT * FROM ledger").fetchall())


def test_the_application_takes_the_name_of_nobody_who_is_not_erased_out_of_the_ledger(acme: Organisation) -> None:
    with pytest.raises(Exception, match="was not erased"):
        db.session.execute(text("SELECT erase_payer(:o, 1, ARRAY['Ada Lovelace'])"), {"o": acme.id})
    db.session.rollback()


def test_saved_views_ask_no_longer_for_their_names(acme: Organisation, ada: Actor, emmy: User) -> None:
    with transaction():
        save_view(acme.id, emmy.id, "owner", "Mine", "type:user", shared=False)
        save_view(acme.id, 1, "owner", "Hers", 'actor:"Amalie Noether",system type:user', shared=True)
        save_view(acme.id, 1, "owner", "Other", "type:project", shared=True)
    tag = _erase(person_of(emmy.id), acme)[0].tag

    assert [each.name for each in views_of(acme.id, emmy.id)] == ["Hers", "Other"]
    assert views_of(acme.id, 1)[0].query == f'actor:"erased person {tag}",system type:user'


def test_an_owner_erases_a_former_member_by_typing_their_name(acme: Organisation, ada: Actor, emmy: User) -> None:
    assert [each.name for each in former_members(acme.id)] == ["Amalie Noether"]
    with pytest.raises(ConfirmationMismatch), transaction():
        erase_former_member(acme.id, ada, emmy.id, "Emmy Noether")
    with transaction():
        erase_former_member(acme.id, ada, emmy.id, "Amalie Noether")

    assert latest_entry(acme).actor_name == "Ada Lovelace"
    assert former_members(acme.id) == []
    assert find_user(emmy.id).name == "Amalie Noether"


def test_only_an_owner_erases(acme: Organisation, grace: Actor, emmy: User) -> None:
    with pytest.raises(Forbidden), transaction():
        erase_former_member(acme.id, grace, emmy.id, "Amalie Noether")


@pytest.mark.parametrize("reason", [f"{SLOT}1", "x" * 501, " "])
def test_a_reason_is_a_line_of_text(emmy: User, reason: str) -> None:
    with pytest.raises(Invalid):
        _erase(person_of(emmy.id), reason=reason)


def test_who_is_known_to_nobody_is_not_found(acme: Organisation) -> None:
    for each in ("nobody@example.com", "4711", "99999999999999", ""):
        with pytest.raises(NotFound):
            find_person(each)


def test_another_one_s_address_as_a_name_erases_nothing_of_theirs(
    acme: Organisation, ada: Actor, people: dict[str, User], emmy: User, superuser: psycopg.Connection
) -> None:
    _join(acme, ada, find_user(emmy.id))
    with transaction():
        rename(find_user(emmy.id), Actor(emmy.id, "x", "owner", Door.WEB), "emil@example.com")
    with transaction():
        find_member(acme.id, emmy.id).remove(ada)
    _erase(person_of(emmy.id))

    assert "Invitation of emil@example.com as member sent" in summaries(acme)


def test_a_list_says_what_to_erase_again_in_an_older_backup(
    acme: Organisation, emmy: User, superuser: psycopg.Connection, servers: Servers, tmp_path: Path
) -> None:
    older = dump(servers.superuser_url)
    done = _erase(person_of(emmy.id))
    erasure_list.append(tmp_path / "list", done)
    said = (tmp_path / "list").read_text()
    db.session.remove()
    restore(servers.superuser_url, older)
    assert "Noether" in everything(superuser)
    with transaction():
        assert [erasure_list.again(erasure_list.parse(each), OPERATOR) for each in said.splitlines()] == [True]

    assert [each for each in ("Noether", "amalie@", "emmy@") if each in everything(superuser) + said] == []
    assert f"erased person {done[0].tag}" in summaries(acme)[5]
    with transaction():
        assert not erasure_list.again(done[0], OPERATOR)


def test_the_list_can_be_made_anew_from_the_database(acme: Organisation, emmy: User) -> None:
    [done] = _erase(person_of(emmy.id))
    [found] = erasure_list.in_database()

    assert found[:5] == (*done[:2], sorted(done.people), *done[3:5])
    assert erasure_list.parse(erasure_list.written(found)) == found


def test_an_erased_person_s_names_of_today_are_not_theirs_any_more(acme: Organisation, ada: Actor, emmy: User) -> None:
    tag = _erase(person_of(emmy.id), acme)[0].tag
    _join(acme, ada, find_user(emmy.id), Role.VIEWER)

    assert summaries(acme)[-1] == "User Amalie Noether added as viewer, invited by Ada Lovelace"
    assert f"User erased person {tag} removed" in summaries(acme)
