"""Keys and epochs by hand: what an operator types when the log is not sealed any further."""

import json
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest
from click.testing import CliRunner, Result
from flask import Flask

from models.log import seal, signing
from models.log.proof.note import Verifier
from models.log.trees import META
from models.organisation import Organisation
from models.settings import Settings
from models.system import sealing
from web.cli import main

Typed = Callable[..., Result]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Where the last checkpoint of all is kept."""
    return tmp_path / "sealed"


@pytest.fixture
def typed(app: Flask, settings: Settings, file: Path, monkeypatch: pytest.MonkeyPatch) -> Typed:
    """Type a command; what comes of it."""
    for name in ("database_url", "redis_url", "secret_key", "encryption_keys", "signing_keys"):
        monkeypatch.setenv(name.upper(), getattr(settings, name))
    monkeypatch.setenv("SEAL_FILE", str(file))
    signing.attach(app, settings)
    return lambda *words: CliRunner().invoke(main, words)


@pytest.fixture
def gone_back(typed: Typed, acme: Organisation, file: Path, superuser: psycopg.Connection) -> None:
    """More was published than the database knows."""
    sealing.seal_all(file)
    superuser.execute("ALTER TABLE activity_checkpoints DISABLE TRIGGER ALL")
    superuser.execute("DELETE FROM activity_checkpoints")
    superuser.execute("ALTER TABLE activity_checkpoints ENABLE ALWAYS TRIGGER activity_checkpoints_are_permanent")
    sealing.seal_all(file)


def test_before_anything_is_sealed_there_is_no_epoch(typed: Typed) -> None:
    assert typed("epoch", "show").output == "Nothing is sealed yet.\n"
    assert typed("epoch", "new", "--reason", "x").exit_code == 1


def test_what_is_sealed_is_shown(typed: Typed, acme: Organisation, file: Path) -> None:
    sealing.seal_all(file)
    found = typed("epoch", "show")

    assert found.exit_code == 0
    assert found.output == f"Epoch 1: 2 checkpoints.\n\n{getattr(seal.last(META), 'note', None)}\n"


def test_a_database_that_went_back_ends_with_3_until_an_epoch_begins(
    typed: Typed, gone_back: None, app: Flask, file: Path, acme: Organisation
) -> None:
    shown = typed("epoch", "show")
    assert shown.exit_code == 3
    assert "UTC: The database has gone back: 2 checkpoints were published, it has 0." in shown.output
    assert app.test_client().get("/healthz").json == {
        "database": "ok", "broker": "ok", "engine": "none", "log": "degraded"
    }  # fmt: skip

    begun = typed("epoch", "new", "--reason", " Restored after\na disk had failed. ")
    assert begun.output.startswith("Epoch 2 has begun.")
    sealing.seal_all(file)
    assert json.loads(seal.record(2))["reason"] == "Restored after a disk had failed."
    assert typed("epoch", "show").exit_code == 0
    assert "log" not in (app.test_client().get("/healthz").json or {})


def test_a_new_epoch_needs_a_reason(typed: Typed) -> None:
    assert typed("epoch", "new").exit_code == 2
    assert typed("epoch", "new", "--reason", " \n").exit_code == 2


def test_keys_are_listed_by_what_everyone_may_know_of_them(
    typed: Typed, acme: Organisation, file: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    sealing.seal_all(file)
    monkeypatch.setenv("SIGNING_KEYS", f"s2:{'B' * 43}=,s1:{settings.signing_keys.partition(':')[2]}")
    found = typed("keys", "list", "--org", "acme")
    words = [line.split() for line in found.output.splitlines()]

    assert [each[:2] for each in words] == [["seals", "k1"], ["signs", "s2"], ["signed", "s1"]]
    [old] = seal.verifiers(getattr(seal.last(acme.id), "origin", ""))
    assert Verifier.parse(words[2][2]) == old
    assert Verifier.parse(words[1][2]).name == old.name
    for secret in (*settings.signing_keys.split(":"), *settings.encryption_keys.split(":")):
        assert len(secret) < 10 or secret not in found.output
    assert typed("keys", "list", "--org", "nobody").exit_code == 1
