"""Verifying a log again: what is as it was sealed, what is not, who asked for it, and that it comes by itself."""

from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from sqlalchemy import text

from models.database import db
from models.jobs import verification
from models.jobs.verification import Verification, VerificationKey
from models.log.actor import Actor
from models.organisation import Organisation
from models.people.user import User
from models.settings import Settings
from models.system import verification_round
from models.transaction import transaction
from tests.support.attacks import rewritten
from tests.support.log import entries, fill
from tests.support.seals import seal_now


@pytest.fixture
def sealed(settings: Settings, acme: Organisation, ada: Actor) -> int:
    """Acme's log under several checkpoints; returns its newest number."""
    for _ in range(3):
        fill(acme, ada, 100)
        seal_now(settings)
    return len(entries(acme))


def ask(organisation: Organisation, user_id: int | None = None) -> VerificationKey | None:
    """Asks for a verification; returns what a worker is hinted at."""
    with transaction() as hints:
        verification.ask(organisation.id, user_id)
    return VerificationKey(*hints[0]) if hints else None


def verified(organisation: Organisation, user_id: int | None = None) -> Verification:
    """Asks for a verification and carries it out; returns what is kept of it."""
    key = ask(organisation, user_id)
    assert key
    verification_round.run(key)
    return verification.verifications_of(organisation.id, 1)[0]


def test_a_log_that_is_as_it_was_sealed(acme: Organisation, people: dict[str, User], sealed: int) -> None:
    found = verified(acme, people["ada"].id)

    assert (found.state, found.findings, found.size, found.done) == ("finished", [], sealed, sealed)
    assert found.asked_by == "Ada Lovelace"
    assert found.ended_at


@pytest.mark.parametrize(
    ("statement", "says"),
    [
        ("UPDATE activity_entries SET summary = summary || '.' WHERE number = 150", "#150: What is there is not"),
        (
            "UPDATE activity_entries SET occurred_at = occurred_at + interval '1 microsecond' WHERE number = 7",
            "#7: What is there is not what was sealed.",
        ),
        ("DELETE FROM activity_entries WHERE number = 250", "#250: It is missing."),
    ],
)
def test_what_has_changed_since_is_found(
    acme: Organisation, sealed: int, superuser: psycopg.Connection, statement: str, says: str
) -> None:
    assert sealed == 304
    rewritten(superuser, statement)
    findings = verified(acme).findings or []

    assert [each for each in findings[:1] if each.startswith(says)], findings


def test_a_checkpoint_that_nobody_here_has_signed_is_found(
    acme: Organisation, sealed: int, superuser: psycopg.Connection
) -> None:
    guard = "activity_checkpoints_are_permanent"
    with superuser.transaction():
        superuser.execute(f"ALTER TABLE activity_checkpoints DISABLE TRIGGER {guard}")
        superuser.execute(
            "UPDATE activity_checkpoints SET note = replace(note, ' ' || split_part(note, ' ', 3), "
            "' AAAAAAAAAAAAAAAAAAAAAAAA' || chr(10)) WHERE organisation_id = %s AND size = 204",
            [acme.id],
        )
        superuser.execute(f"ALTER TABLE activity_checkpoints ENABLE ALWAYS TRIGGER {guard}")

    assert verified(acme).findings == [
        "#204: The checkpoint at 204 of epoch 1 is not good: no key that is known has signed it."
    ]


def test_one_that_is_under_way_is_not_begun_again(acme: Organisation, sealed: int) -> None:
    assert ask(acme)
    assert ask(acme) is None
    assert len(verification.verifications_of(acme.id, 5)) == 1


def test_a_log_that_was_not_verified_for_a_week_is_by_itself(acme: Organisation, ada: Actor, sealed: int) -> None:
    now = datetime.now(UTC)
    assert verification_round.ask_for_due(now) == []
    later = now + timedelta(days=7, minutes=1)
    [key] = verification_round.ask_for_due(later)
    verification_round.run(key)
    [found] = verification.verifications_of(acme.id, 5)
    assert (found.state, found.asked_by) == ("finished", None)

    db.session.execute(text("SELECT 1"))
    assert verification_round.ask_for_due(now + timedelta(days=6)) == []


def test_a_log_that_is_not_sealed_is_not_asked_for(acme: Organisation) -> None:
    assert verification_round.ask_for_due(datetime.now(UTC) + timedelta(days=30)) == []
