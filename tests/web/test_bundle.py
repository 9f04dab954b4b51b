"""`activity-log bundle` and `prove`: what comes out is checked by the verifier that knows nothing of the database."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest
from click.testing import CliRunner, Result

from models.log import seal
from models.log.actor import Actor
from models.log.proof.bundle import BundleCheck
from models.log.proof.finding import Finding
from models.log.proof.proof_file import ProofFile
from models.organisation import Organisation
from models.people.access import Role
from models.people.member import invite_member
from models.settings import Settings
from models.system import cascade
from models.transaction import transaction
from tests.support.attacks import rewritten
from tests.support.cascades import delete
from tests.support.log import fill
from tests.support.seals import seal_now
from web.cli import main


@pytest.fixture
def environment(settings: Settings) -> dict[str, str]:
    """Where the commands find their servers."""
    return {
        "DATABASE_URL": settings.database_url,
        "REDIS_URL": settings.redis_url,
        "SECRET_KEY": settings.secret_key,
        "ENCRYPTION_KEYS": settings.encryption_keys,
    }


@pytest.fixture
def sealed(acme: Organisation, ada: Actor, settings: Settings) -> Organisation:
    """Acme with some hundred entries, of which one speaks of an address."""
    with transaction():
        invite_member(acme.id, ada, "emmy@example.com", Role.MEMBER, datetime.now(UTC))
    fill(acme, ada, 300)
    seal_now(settings)
    return acme


def run(environment: dict[str, str], *arguments: object) -> Result:
    """Runs a command."""
    return CliRunner().invoke(main, [str(each) for each in arguments], env=environment)


def check(lines: bytes, pins: Sequence[str] = ()) -> tuple[BundleCheck, list[Finding]]:
    """What the verifier says of a bundle of organisation 1."""
    found = seal.last(1)
    assert found is not None
    checking = BundleCheck(seal.verifiers(found.origin), pins)
    return checking, list(checking.findings(lines.splitlines(keepends=True)))


def test_a_complete_bundle_proves_that_nothing_is_missing(
    sealed: Organisation, ada: Actor, environment: dict[str, str], settings: Settings, tmp_path: Path
) -> None:
    before = seal.last(sealed.id)
    fill(sealed, ada, 10)
    seal_now(settings)
    assert run(environment, "bundle", sealed.handle, tmp_path / "acme").exit_code == 0
    assert before is not None
    checking, findings = check((tmp_path / "acme").read_bytes(), [before.note])

    assert findings == []
    assert (checking.entries, checking.in_meta, checking.pins_held) == (before.size + 10, True, 1)
    assert "emmy@example.com" in (tmp_path / "acme").read_text()


def test_a_bundle_of_some_entries_proves_each(sealed: Organisation, environment: dict[str, str]) -> None:
    ended = run(environment, "bundle", sealed.handle, "-", "--from", 250, "--to", 260)
    checking, findings = check(ended.stdout.encode())

    assert (ended.exit_code, findings, checking.entries) == (0, [], 11)
    assert "emmy@example.com" not in ended.stdout


def test_who_was_erased_is_not_in_a_bundle_that_still_proves_all(
    sealed: Organisation, environment: dict[str, str], superuser: psycopg.Connection
) -> None:
    superuser.execute("SELECT erase_people(1, ARRAY(SELECT id FROM activity_people WHERE user_id IS NULL), '7f3a')")
    ended = run(environment, "bundle", sealed.handle, "-")

    assert check(ended.stdout.encode())[1] == []
    assert "emmy" not in ended.stdout
    assert "Ada Lovelace" in ended.stdout


def test_who_is_spoken_of_only_later_is_not_in_a_bundle(
    sealed: Organisation, ada: Actor, environment: dict[str, str]
) -> None:
    with transaction():
        invite_member(sealed.id, ada, "later@example.com", Role.MEMBER, datetime.now(UTC))
    ended = run(environment, "bundle", sealed.handle, "-")

    assert check(ended.stdout.encode())[1] == []
    assert "later@" not in ended.stdout


def test_a_bundle_of_a_log_that_was_changed_shows_it(
    sealed: Organisation, environment: dict[str, str], superuser: psycopg.Connection
) -> None:
    rewritten(superuser, "UPDATE activity_entries SET summary = 'x' WHERE number = 100")
    whole = run(environment, "bundle", sealed.handle, "-").stdout.encode()
    some = run(environment, "bundle", sealed.handle, "-", "--from", 99, "--to", 101).stdout.encode()

    assert check(whole)[1] != []
    assert [each.number for each in check(some)[1]] == [100]


def test_a_deleted_organisation_proves_all_that_there_was(
    sealed: Organisation, ada: Actor, environment: dict[str, str], settings: Settings
) -> None:
    cascade.run(delete(sealed, ada))
    seal_now(settings)
    ended = run(environment, "bundle", sealed.handle, "-")

    assert check(ended.stdout.encode())[1] == []
    assert json.loads(ended.stdout.splitlines()[-1])["action"] == "delete"


def test_an_entry_is_proven_by_a_file_of_its_own(
    sealed: Organisation, environment: dict[str, str], tmp_path: Path
) -> None:
    ended = run(environment, "prove", sealed.handle, 100, "--leaf", tmp_path / "leaf")
    found = seal.last(sealed.id)
    assert found is not None
    [key] = seal.verifiers(found.origin)
    leaf = (tmp_path / "leaf").read_bytes()

    assert ended.exit_code == 0
    assert ProofFile.parse(ended.stdout).shows(leaf, key)
    assert not ProofFile.parse(ended.stdout).shows(leaf.replace(b"c-", b"d-"), key)
    assert json.loads(leaf)["number"] == 100


@pytest.mark.parametrize(
    "arguments",
    [["prove", "acme", 10_000], ["bundle", "acme", "-", "--from", 1, "--to", 10_000]],
    ids=["prove", "bundle"],
)
def test_what_is_not_sealed_is_not_proven(
    sealed: Organisation, environment: dict[str, str], arguments: list[object]
) -> None:
    ended = run(environment, *arguments)

    assert (ended.exit_code, ended.stdout) == (1, "")
    assert "sealed" in ended.stderr


@pytest.mark.parametrize(
    "arguments", [["prove", "nobody", 1], ["bundle", "nobody", "-"], ["bundle", "acme", "-", "--from", 1]]
)
def test_a_wrong_call_is_refused(sealed: Organisation, environment: dict[str, str], arguments: list[object]) -> None:
    assert run(environment, *arguments).exit_code == 2
