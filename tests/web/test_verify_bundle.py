"""`activity-log verify-bundle`: it needs a file and a key; no database, no network, no configuration."""

import subprocess
import sys
from pathlib import Path

import pytest

from models.log.proof.checkpoint import cosigner
from models.log.proof.note import Signer
from tests.support.bundles import KEY, bundle, checkpoint_of

ROOT = Path(__file__).parents[2]
# What opens a socket, and what it must not even know, ends it with another status than any of its own.
ALONE = """
import socket, sys
def refuse(*_, **__): sys.exit(99)
socket.socket = socket.create_connection = socket.getaddrinfo = refuse
from web.cli import main
try:
    main(sys.argv[1:])
finally:
    if {"sqlalchemy", "psycopg", "flask", "redis", "models.database", "models.settings"} & set(sys.modules):
        sys.exit(98)
"""
WHOLE = bundle()


def run(*arguments: object) -> subprocess.CompletedProcess[str]:
    """Runs it in an empty environment."""
    command = [sys.executable, "-c", ALONE, "verify-bundle", *map(str, arguments)]
    environment = {"PYTHONPATH": str(ROOT)}
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300)  # noqa: S603


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A good bundle."""
    file = tmp_path / "acme.bundle"
    file.write_bytes(bytes(WHOLE))
    return file


def test_a_good_bundle_is_told_to_be_one(file: Path) -> None:
    ended = run(file, "--key", KEY)

    assert (ended.returncode, ended.stdout) == (0, "")
    assert "these are all entries up to #12; none is missing" in ended.stderr
    assert "a checkpoint kept earlier would show it" in ended.stderr


def test_a_kept_checkpoint_is_compared(file: Path, tmp_path: Path) -> None:
    pin = tmp_path / "kept"
    pin.write_text(checkpoint_of(WHOLE.leaves[:5]))
    ended = run(file, "--key", KEY, "--pin", pin)
    assert (ended.returncode, "1 checkpoints that you kept" in ended.stderr) == (0, True)

    pin.write_text(checkpoint_of(WHOLE.leaves[1:6]))
    ended = run(file, "--key", KEY, "--pin", pin)
    assert (ended.returncode, '"verdict": "gone back"' in ended.stdout) == (3, True)


def test_a_policy_is_asked_for(file: Path, tmp_path: Path) -> None:
    policy = tmp_path / "policy"
    policy.write_text(f"witness one {cosigner(Signer('one.example.com', bytes(32)))}\nquorum one\n")
    ended = run(file, "--key", KEY, "--policy", policy)
    assert (ended.returncode, "No quorum" in ended.stdout) == (4, True)

    policy.write_text("quorum nobody\n")
    ended = run(file, "--key", KEY, "--policy", policy)
    assert (ended.returncode, "no line before names nobody" in ended.stderr) == (2, True)


def test_a_changed_bundle_ends_it_with_1(file: Path) -> None:
    file.write_bytes(bytes(WHOLE).replace(b"nginx:1.5", b"nginx:1.6"))
    ended = run(file, "--key", KEY)

    assert ended.returncode == 1
    assert '"verdict": "tampered"' in ended.stdout
    assert "proves nothing" in ended.stderr


@pytest.mark.parametrize("arguments", [["--key", "no key"], [], ["--key", KEY, "--pin", "missing"]])
def test_a_wrong_call_ends_it_with_2(file: Path, arguments: list[object]) -> None:
    assert run(file, *arguments).returncode == 2


def test_what_is_no_bundle_ends_it_with_2(tmp_path: Path) -> None:
    file = tmp_path / "no.bundle"
    file.write_text("Dear Sir or Madam\n")

    assert run(file, "--key", KEY).returncode == 2
