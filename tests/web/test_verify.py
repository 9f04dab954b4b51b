"""`activity-log verify`: findings on standard output, progress beside them, and how it ends."""

import json
from pathlib import Path

import psycopg
import pytest
from click.testing import CliRunner, Result

from models.jobs import anchor
from models.jobs.anchor import Place
from models.log import seal
from models.log.proof.checkpoint import cosign, cosigner
from models.log.proof.note import Signer
from models.log.trees import META
from models.organisation import Organisation
from models.settings import Settings
from models.system import sealing
from models.transaction import transaction
from tests.support.attacks import rewritten
from tests.support.seals import seal_now
from web.cli import main


@pytest.fixture
def environment(settings: Settings, tmp_path: Path) -> dict[str, str]:
    """Where the command finds its servers."""
    return {
        "DATABASE_URL": settings.database_url,
        "REDIS_URL": settings.redis_url,
        "SECRET_KEY": settings.secret_key,
        "ENCRYPTION_KEYS": settings.encryption_keys,
        "SIGNING_KEYS": settings.signing_keys,
        "DATA_DIR": str(tmp_path / "data"),
    }


def run(environment: dict[str, str], *arguments: object) -> Result:
    """Runs it."""
    return CliRunner().invoke(main, ["verify", *map(str, arguments)], env=environment)


def test_a_good_log_ends_it_with_0(acme: Organisation, settings: Settings, environment: dict[str, str]) -> None:
    seal_now(settings)
    ended = run(environment)

    assert (ended.exit_code, ended.stdout) == (0, "")
    assert "nothing is wrong" in ended.stderr


def test_a_policy_asks_for_cosignatures_and_what_witnesses_saw_is_compared(
    acme: Organisation, settings: Settings, environment: dict[str, str], superuser: psycopg.Connection, tmp_path: Path
) -> None:
    seal_now(settings)
    one, policy = Signer("one.example.com", bytes(32)), tmp_path / "policy"
    policy.write_text(f"witness one {cosigner(one)}\nquorum one\n")
    ended = run(environment, "--policy", policy)
    assert (ended.exit_code, "No quorum" in ended.stdout) == (4, True)

    found = seal.last(META)
    assert found is not None
    with transaction():
        line = cosign(found.text, one, 1_764_000_000)
        anchor.keep_cosignature(Place(found.epoch, found.size), "one", line)
    ended = run(environment, "--policy", policy)
    assert (ended.exit_code, ended.stdout) == (0, "")
    assert f"agreed on {found.size} checkpoints" in ended.stderr

    rewritten(superuser, "UPDATE activity_cosignatures SET line = overlay(line placing 'AAAA' from length(line) - 20)")
    assert run(environment, "--policy", policy).exit_code == 1


def test_a_changed_entry_is_a_line_of_json(
    acme: Organisation, settings: Settings, environment: dict[str, str], superuser: psycopg.Connection
) -> None:
    seal_now(settings)
    rewritten(superuser, "UPDATE activity_entries SET summary = 'x' WHERE number = 2")
    ended = run(environment, "--org", acme.handle)
    [told] = map(json.loads, ended.stdout.splitlines())

    assert ended.exit_code == 1
    assert (told["organisation"], told["number"], told["until"], told["verdict"]) == (acme.id, 1, 4, "tampered")


def test_a_kept_checkpoint_is_compared(
    acme: Organisation, settings: Settings, environment: dict[str, str], superuser: psycopg.Connection, tmp_path: Path
) -> None:
    seal_now(settings)
    found = seal.last(acme.id)
    assert found is not None
    (tmp_path / "kept").write_text(found.note)
    assert run(environment, "--pin", tmp_path / "kept").exit_code == 0
    rewritten(
        superuser,
        "UPDATE activity_entries SET summary = 'x' WHERE number = 2",
        "TRUNCATE activity_tiles, activity_checkpoints, activity_epochs",
    )
    sealing.seal_all(tmp_path / "another file")

    assert run(environment).exit_code == 0
    assert run(environment, "--pin", tmp_path / "kept").exit_code == 3


def test_the_file_of_the_sealer_is_a_checkpoint_that_was_kept(
    acme: Organisation, settings: Settings, environment: dict[str, str], superuser: psycopg.Connection, tmp_path: Path
) -> None:
    seal_now(settings)
    found = seal.last(META)
    assert found is not None
    (tmp_path / "data").mkdir()
    (tmp_path / "data/sealed").write_text(found.note)
    assert run(environment).exit_code == 0
    rewritten(superuser, "TRUNCATE activity_tiles, activity_checkpoints, activity_epochs")

    assert run(environment).exit_code == 3


def test_nothing_sealed_ends_it_with_4(acme: Organisation, environment: dict[str, str]) -> None:
    assert run(environment).exit_code == 4


def test_a_database_that_does_not_answer_ends_it_with_4(environment: dict[str, str]) -> None:
    nowhere = {"DATABASE_URL": "postgresql://nobody:x@127.0.0.1:1/nothing"}
    ended = run({**environment, **nowhere})

    assert (ended.exit_code, json.loads(ended.stdout)["verdict"]) == (4, "unknown")


@pytest.mark.parametrize("arguments", [["--org", "nobody"], ["--since", 0], ["--key", "none"], ["--pin", "missing"]])
def test_a_wrong_call_ends_it_with_2(acme: Organisation, environment: dict[str, str], arguments: list[object]) -> None:
    assert run(environment, *arguments).exit_code == 2
