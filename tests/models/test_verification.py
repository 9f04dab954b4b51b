"""Verifying: every attack of a superuser is found and named, but those that docs/log.md says are not."""

import base64
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest
from flask import Flask

from models.database import db
from models.log import seal, signing
from models.log.actor import SYSTEM, Actor
from models.log.proof.checkpoint import Checkpoint
from models.log.proof.finding import Finding, Verdict, exit_code
from models.log.record import Action, Subject, record
from models.log.trees import META
from models.organisation import Organisation
from models.people.user import User
from models.project import Project
from models.settings import Settings
from models.system import cascade, sealing, verification
from models.system.verification import Asked, verify
from models.transaction import transaction
from tests.support.attacks import ACME, ATTACKS, OTHER, TARGET, Attack, keep, rewritten
from tests.support.cascades import delete
from tests.support.log import fill, found_another
from tests.support.seals import seal_now

ROOT = Path(__file__).parents[2]


@pytest.fixture
def pins(
    app: Flask,
    acme: Organisation,
    people: dict[str, User],
    ada: Actor,
    settings: Settings,
    superuser: psycopg.Connection,
) -> list[Checkpoint]:
    """Two logs, sealed in some steps, with a backup in between; returns what somebody has kept at the end."""
    other = found_another(people, ada, "other")
    assert (acme.id, other.id) == (ACME, OTHER)
    with transaction():
        cause = record(ada, Action.UPDATE, Subject(other.id, "organisation", other.id, other.name))
        record(SYSTEM, Action.UPDATE, Subject(other.id, "organisation", other.id, other.name), cause=cause)
    seal_now(settings)
    fill(acme, ada, 400)
    seal_now(settings)
    keep(superuser)
    fill(acme, ada, 300)
    seal_now(settings)
    return kept(ACME, OTHER, META)


def kept(*organisations: int) -> list[Checkpoint]:
    """The newest checkpoints, as somebody keeps them."""
    found = [seal.last(each) for each in organisations]
    return [verification.pinned(each.note) for each in found if each]


def verified(settings: Settings, pins: Sequence[Checkpoint] = (), **asked: object) -> list[Finding]:
    """What is found with the keys of the settings."""
    signing.SIGNING_KEYS.load(settings.signing_keys)
    trusted = [each.public for each in signing.SIGNING_KEYS.publics()]
    db.session.rollback()
    return list(verify(Asked(pins=pins, trusted=trusted)._replace(**asked)))  # type: ignore[arg-type]


def status(found: Sequence[Finding]) -> int:
    """What the command ends with."""
    return exit_code({each.verdict for each in found})


def test_nothing_is_wrong_with_a_log_that_nobody_has_touched(pins: list[Checkpoint], settings: Settings) -> None:
    assert verified(settings) == []
    assert verified(settings, pins) == []


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda each: each.does)
def test_an_attack_is_found(
    pins: list[Checkpoint], settings: Settings, superuser: psycopg.Connection, attack: Attack
) -> None:
    attack.how(superuser, settings)
    without, with_pin = verified(settings), verified(settings, pins)

    assert (status(without), status(with_pin)) == (attack.without, attack.with_pin), (without, with_pin)
    if attack.named:
        organisation, number = attack.named
        named = [each for each in with_pin if each.organisation == organisation and each.number is not None]
        assert any((each.number or 0) <= number <= (each.until or each.number or 0) for each in named), with_pin


def test_an_entry_in_a_full_tile_is_named_exactly(
    pins: list[Checkpoint], settings: Settings, superuser: psycopg.Connection
) -> None:
    ATTACKS[0].how(superuser, settings)

    assert [(each.organisation, each.number, each.until) for each in verified(settings)] == [(ACME, TARGET, TARGET)]


def test_an_entry_behind_the_last_full_tile_is_named_between_two_checkpoints(
    pins: list[Checkpoint], settings: Settings, superuser: psycopg.Connection
) -> None:
    head = pins[0].size
    rewritten(superuser, f"UPDATE activity_entries SET summary = 'x' WHERE organisation_id = 1 AND number = {head}")
    [only] = verified(settings)

    assert only.number is not None
    assert 256 < only.number <= head == only.until


def test_the_documents_say_what_is_found(pins: list[Checkpoint]) -> None:
    lines = [f"| {each.does} | {each.without} | {each.with_pin} |" for each in ATTACKS]

    assert "\n".join(lines) in (ROOT / "docs/log.md").read_text()


def test_erasing_people_changes_nothing(
    pins: list[Checkpoint], settings: Settings, superuser: psycopg.Connection
) -> None:
    superuser.execute("SELECT erase_people(1, ARRAY(SELECT id FROM activity_people), '7f3a')")

    assert verified(settings, pins) == []


def test_another_key_changes_nothing(
    pins: list[Checkpoint], acme: Organisation, ada: Actor, settings: Settings
) -> None:
    rotated = replace(settings, signing_keys=f"s2:{base64.b64encode(b'2' * 32).decode()}")
    fill(acme, ada, 10)
    seal_now(rotated)

    assert verified(rotated, pins) == []


def test_a_key_that_signs_first_while_the_log_is_verified_is_known(
    pins: list[Checkpoint], ada: Actor, settings: Settings
) -> None:
    rotated = replace(settings, signing_keys=f"s2:{base64.b64encode(b'2' * 32).decode()}")

    def seal_another(_: int) -> None:
        with transaction():
            record(ada, Action.UPDATE, Subject(OTHER, "organisation", OTHER, "Other"))
        seal_now(rotated)

    # The log of ACME comes first, and that of OTHER is sealed with the new key when it has been looked at.
    assert list(verify(Asked(), seal_another)) == []


def test_an_epoch_that_has_just_begun_has_no_tiles_to_believe_yet(pins: list[Checkpoint], settings: Settings) -> None:
    older = Checkpoint.parse(next(each for each in seal.history(ACME) if 256 < each.size < pins[0].size).text)
    sealing.begin_epoch(settings.sealed, "Restored.", datetime.now(UTC))
    found = verified(settings, [older], since=600, organisations=[ACME])

    assert [each.verdict for each in found] == [Verdict.UNKNOWN]


def test_another_epoch_changes_nothing(
    pins: list[Checkpoint], acme: Organisation, ada: Actor, settings: Settings
) -> None:
    signing.SIGNING_KEYS.load(settings.signing_keys)
    sealing.begin_epoch(settings.sealed, "By hand.", datetime.now(UTC))
    fill(acme, ada, 10)
    seal_now(settings)

    assert verified(settings, [*pins, *kept(ACME, META)]) == []


@pytest.mark.parametrize("since", [1, 2, 256, 257, 300, 400, 600, 10_000])
def test_one_may_begin_later(
    pins: list[Checkpoint], settings: Settings, superuser: psycopg.Connection, since: int
) -> None:
    assert verified(settings, pins, since=since, organisations=[ACME]) == []
    ATTACKS[0].how(superuser, settings)

    assert status(verified(settings, since=since, organisations=[ACME])) == (0 if since == 600 else 1)


def test_each_entry_that_is_looked_at_is_counted(pins: list[Checkpoint], settings: Settings) -> None:
    seen: list[int] = []
    asked = Asked()
    list(verify(asked, seen.append))

    assert sum(seen) == verification.entries_of(asked) > 700


def test_what_the_system_did_because_of_a_deletion_is_as_it_must_be(
    acme: Organisation, web: Project, ada: Actor, settings: Settings
) -> None:
    cascade.run(delete(web, ada))
    cascade.run(delete(acme, ada))
    seal_now(settings)

    assert verified(settings) == []


def test_nothing_sealed_is_nothing_told(acme: Organisation, settings: Settings) -> None:
    assert status(verified(settings)) == 4
