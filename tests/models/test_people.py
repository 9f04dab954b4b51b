"""What people are called is apart from what the log says of them, and wherever the log is read it is there again."""

from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest
from sqlalchemy import text

from models.database import db
from models.errors import Invalid
from models.log import feed, offers, personal
from models.log.actor import Actor, Door
from models.log.entry import entry_of
from models.log.query import parse
from models.log.record import SLOT, Action, Subject, record
from models.log.search import Asker, Search
from models.organisation import Organisation
from models.people.access import Role
from models.people.identity import rename, replace_email
from models.people.invitation import open_invitations
from models.people.member import accept_invitation, decline_invitation, find_member, invite_member, revoke_invitation
from models.people.user import User, sign_up
from models.transaction import transaction
from tests.support.log import entries, summaries, unfolded
from tests.support.proof import violations

PASSWORD = "correct horse battery"
NOW = datetime(2026, 11, 27, tzinfo=UTC)


@pytest.fixture
def spoken(acme: Organisation, ada: Actor) -> list[str]:
    """Every way in which people are spoken of; returns the sentences."""
    with transaction():
        emmy = sign_up("emmy@example.com", "Emmy Noether", PASSWORD)
        emmy.verified_at = NOW
    now = datetime.now(UTC)
    with transaction():
        first = invite_member(acme.id, ada, "emmy@example.com", Role.ADMIN, now).invitation
        other = invite_member(acme.id, ada, "nobody@example.com", Role.MEMBER, now).invitation
    as_emmy = Actor(emmy.id, emmy.name, "admin", Door.WEB)
    with transaction():
        accept_invitation(first, emmy, as_emmy, now)
    with transaction():
        invite_member(acme.id, as_emmy, "emil@example.com", Role.MEMBER, now)
        revoke_invitation(acme.id, ada, other.id, now)
    with transaction():
        rename(emmy, as_emmy, "Amalie Noether")
        replace_email(emmy, as_emmy, PASSWORD, "amalie@example.com")
    with transaction():
        emil = sign_up("emil@example.com", "Emil Artin", PASSWORD)
        emil.verified_at = NOW
        [open_one] = open_invitations(acme.id, emil.email)
        decline_invitation(open_one, emil, now)
    with transaction():
        find_member(acme.id, emmy.id).change_role(ada, Role.MEMBER)
        find_member(acme.id, emmy.id).remove(ada)
    return SAID


SAID = [
    "Invitation of emmy@example.com as admin sent",
    "Invitation of nobody@example.com as member sent",
    "User Emmy Noether added as admin, invited by Ada Lovelace",
    "Invitation of emil@example.com as member sent",
    "Invitation of nobody@example.com revoked",
    "User Emmy Noether renamed to Amalie Noether",
    "User Amalie Noether's email address changed",
    "Invitation of emil@example.com declined",
    "User Amalie Noether's role changed from admin to member",
    "User Amalie Noether removed",
]


def test_every_sentence_about_people_reads_as_it_was_said(acme: Organisation, spoken: list[str]) -> None:
    before = len(summaries(acme)) - len(spoken)

    assert summaries(acme)[before:] == spoken
    assert [each.summary for each in unfolded(feed.page(feed.whole(acme.named)))][::-1][before:] == spoken


def test_no_entry_holds_a_name_or_an_address(spoken: list[str], superuser: psycopg.Connection) -> None:
    raw = str(superuser.execute("SELECT * FROM activity_entries").fetchall())
    names = str(superuser.execute("SELECT * FROM activity_names").fetchall())

    assert [
        each for each in ("Ada", "Noether", "Artin", "Grace", "Vera", "emmy@", "emil@") if each in raw + names
    ] == []
    assert violations(superuser) == []


def test_what_changed_of_a_person_is_read_with_the_names(acme: Organisation, spoken: list[str]) -> None:
    changes = {each.summary: each.changes for each in entries(acme)}

    assert changes["User Emmy Noether renamed to Amalie Noether"] == {"name": ["Emmy Noether", "Amalie Noether"]}
    assert changes["User Amalie Noether's email address changed"] == {
        "email_address": ["emmy@example.com", "amalie@example.com"]
    }


def test_no_way_of_reading_shows_a_slot(acme: Organisation, ada: Actor, spoken: list[str]) -> None:
    asker = Asker(1, UTC, datetime.now(UTC))
    scopes = [feed.whole(acme.named), *(feed.of_resource(acme.named, "user", each) for each in range(1, 9))]
    scopes += [feed.of_cause(acme.named, each.number) for each in entries(acme)]
    found: list[Any] = [feed.page(each) for each in scopes]
    found += [feed.page_above(each, 0) for each in scopes] + [feed.newer(each, 0) for each in scopes]
    found += [entry_of(acme.named, each.number) for each in entries(acme)]
    found += [feed.causes(scopes[0], feed.newer(scopes[0], 0), 1000)]
    found += [personal.page(each, [acme.named]) for each in range(1, 9)]
    found += [personal.name_of(acme.id, each) for each in range(1, 9)]
    found += [
        Search(scopes[0], parse(each), asker).page() for each in ("type:user", "noether", "-type:project", "via:web")
    ]
    found += [offers.actors(acme.id)]

    assert "Noether" in str(found)
    assert "emmy@example.com" in str(found)
    assert SLOT not in str(found)
    assert "\\x1a" not in str(found)
    assert "u001a" not in str(found)


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ('resource:"Amalie Noether"', 3),
        ('resource:"amalie*"', 3),
        ("resource:emmy@example.com", 1),
        ("resource:nobody@example.com", 2),
        ("resource:emil*", 2),
        ('actor:"Emmy Noether"', 4),
        ("actor:emil@example.com", 1),
        ('"invited by ada"', 1),
        ("noether", 5),
        ("nobody@", 2),
        ('resource:"ada lovelace"', 0),
        ('type:user -resource:"Amalie Noether"', 5),
    ],
)
def test_people_are_found_by_what_they_were_called(
    acme: Organisation, spoken: list[str], query: str, count: int
) -> None:
    asker = Asker(1, UTC, datetime.now(UTC))

    assert len(unfolded(Search(feed.whole(acme.named), parse(query), asker).page())) == count


def test_someone_who_is_called_the_same_again_is_written_down_once(
    acme: Organisation, ada: Actor, people: dict[str, User], superuser: psycopg.Connection
) -> None:
    for each in ("Ada King", "Ada Lovelace", "Ada King"):
        with transaction():
            rename(people["ada"], Actor(1, people["ada"].name, "owner", Door.WEB), each)
    found = superuser.execute("SELECT name FROM activity_people WHERE user_id = 1 ORDER BY id").fetchall()

    assert found == [("Ada Lovelace",), ("Ada King",)]


def test_a_name_cannot_hold_what_stands_for_a_name(people: dict[str, User]) -> None:
    with pytest.raises(Invalid):
        people["ada"].rename(f"Ada {SLOT}2")
    with pytest.raises(Invalid):
        sign_up(f"ada{SLOT}1@example.com", "Ada", PASSWORD)


def test_the_door_in_takes_no_name_that_holds_what_stands_for_a_name(acme: Organisation, ada: Actor) -> None:
    record(ada, Action.UPDATE, Subject(acme.id, "user", 1, f"{SLOT}2"))
    with pytest.raises(Exception, match="activity_people_name_check"), transaction():
        pass

    assert "unknown" not in str(summaries(acme))


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE activity_people SET name = 'Mallory'",
        "UPDATE activity_people SET commitment = sha256('x')",
        "UPDATE activity_people SET name = NULL, salt = NULL, erased_as = '7f3a', user_id = 7",
        "UPDATE activity_people SET name = NULL, salt = NULL, erased_as = '7f3a', commitment = sha256('x')",
        "DELETE FROM activity_people",
        "TRUNCATE activity_people",
    ],
)
def test_not_even_a_superuser_changes_whom_the_log_speaks_of(
    acme: Organisation, superuser: psycopg.Connection, statement: str
) -> None:
    with pytest.raises(psycopg.errors.InsufficientPrivilege, match="permanent"):
        superuser.execute(statement.encode())


def test_salts_differ_and_the_commitment_is_to_salt_and_name(acme: Organisation) -> None:
    found = db.session.execute(
        text("SELECT salt, commitment = sha256(salt || convert_to(name, 'UTF8')) FROM activity_people")
    )
    salts = found.all()
    db.session.rollback()

    assert len({salt for salt, _ in salts}) == len(salts) > 2
    assert all(good for _, good in salts)
