"""Anchors: the installation's checkpoints at real witnesses, and in a file."""

import base64
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import psycopg
import pytest
from click.testing import CliRunner
from flask import Flask

from bench.processes import free_port
from models.jobs import anchor
from models.jobs.anchor import FILE, PATIENCE, PAUSE, Anchor
from models.log import seal, signing
from models.log.actor import Actor
from models.log.proof.checkpoint import Checkpoint, opened
from models.log.proof.note import COSIGNATURE, Note, Signer, Verifier
from models.log.proof.policy import Policy, satisfied
from models.log.seal import Seal
from models.log.trees import META
from models.organisation import Organisation
from models.settings import Settings
from models.system import sealing
from models.transaction import transaction
from tests.support.servers import SEED
from tests.support.witnesses import Log, Running, witness
from web.cli import main
from web.cli.doctor import doctor
from worker import anchors
from worker.app import create_app
from worker.tasks import find_due

Grow = Callable[[], Seal]


@pytest.fixture
def grow(app: Flask, acme: Organisation, ada: Actor, settings: Settings, tmp_path: Path) -> Grow:
    """Has one more entry, sealed; returns the installation's checkpoint."""
    signing.attach(app, settings)
    made = iter(range(1000))

    def grow() -> Seal:
        with transaction():
            acme.update(ada, acme.version, name=f"Acme {next(made)}")
        sealing.seal_all(tmp_path / "sealed")
        return newest()

    return grow


def newest() -> Seal:
    """The installation's last checkpoint, with its cosignatures."""
    found = seal.last(META)
    assert found
    return found


def log_of(sealed: Seal) -> Verifier:
    """The key of the installation's log."""
    [found] = seal.verifiers(sealed.origin)
    return found


class Worker(NamedTuple):
    """A worker that is told of anchors."""

    app: Flask
    policy: Policy
    superuser: psycopg.Connection

    def bring(self) -> None:
        """Bring what is there to each anchor that it waits for, as if the pauses in between were over."""
        self.superuser.execute("UPDATE anchors SET due_at = clock_timestamp()")
        with self.app.app_context():
            anchors.look()
            for key in anchor.overdue():
                anchors.bring(key)

    def look(self) -> list[str]:
        """What the schedule has it do; returns the anchors that something waits for."""
        with self.app.app_context():
            find_due()
            return [key.name for key in anchor.overdue()]

    def is_satisfied(self) -> bool:
        """Whether the newest checkpoint is cosigned by a quorum."""
        return satisfied(Note.parse(newest().note), self.policy)


Told = Callable[..., Worker]


@pytest.fixture
def told(settings: Settings, superuser: psycopg.Connection, tmp_path: Path) -> Told:
    """Makes a worker that is told of a policy, line by line, and of a file."""

    def told(*lines: str, file: Path | None = None) -> Worker:
        policy = tmp_path / "policy"
        policy.write_text("".join(f"{line}\n" for line in lines) or "quorum none\n")
        app = create_app(replace(settings, witnesses=policy, anchor_file=file))
        return Worker(app, Policy.parse(policy.read_text()), superuser)

    return told


def asking(running: Running) -> tuple[str, str]:
    """A policy that asks for one witness."""
    return f"witness one {running.verifier} {running.url}", "quorum one"


def the_anchor() -> Anchor:
    """The only one that is configured."""
    [found] = anchor.anchors()
    return found


def is_degraded(app: Flask) -> bool:
    """Whether /healthz says so."""
    return app.test_client().get("/healthz").json == {
        "database": "ok",
        "broker": "ok",
        "engine": "none",
        "anchors": "degraded",
    }


def test_a_witness_cosigns_each_checkpoint_as_the_log_grows(app: Flask, told: Told, grow: Grow, tmp_path: Path) -> None:
    first = grow()
    with witness(tmp_path, log_of(first)) as running:
        worker = told(*asking(running))
        assert not worker.is_satisfied()
        worker.bring()
        assert worker.is_satisfied()
        for _ in range(4):
            last = grow()
        assert not worker.is_satisfied()
        worker.bring()
        assert worker.is_satisfied()
    assert opened(newest().note, log_of(last)).size == last.size == first.size + 4
    assert the_anchor().waits_since is None
    assert not is_degraded(app)


def test_the_schedule_finds_what_is_to_be_brought(told: Told, grow: Grow, tmp_path: Path) -> None:
    grow()
    worker = told(file=tmp_path / "anchored")
    assert worker.look() == [FILE]
    worker.bring()

    assert worker.look() == []
    assert (tmp_path / "anchored").read_text() == f"{newest().note}\n"


def test_a_checkpoint_is_brought_once_and_the_next_one_after_a_pause(
    told: Told, grow: Grow, tmp_path: Path, superuser: psycopg.Connection
) -> None:
    first = grow()
    with witness(tmp_path, log_of(first)) as running:
        worker = told(*asking(running))
        worker.bring()
        [(pause,)] = superuser.execute("SELECT due_at - succeeded_at FROM anchors").fetchall()
        worker.bring()

    assert round(pause / PAUSE) == 1
    assert superuser.execute("SELECT epoch, size FROM activity_cosignatures").fetchall() == [(1, first.size)]


def test_one_that_is_down_is_asked_later_and_told_of_after_a_day(
    app: Flask, told: Told, grow: Grow, tmp_path: Path, superuser: psycopg.Connection
) -> None:
    first = grow()
    now = datetime.now(UTC)
    with witness(tmp_path, log_of(first)) as running:
        worker = told(*asking(running))
    worker.bring()
    assert "does not answer" in (the_anchor().error or "")
    assert worker.look() == []
    assert not the_anchor().is_late(now)
    assert the_anchor().is_late(now + PATIENCE + timedelta(minutes=5))
    assert not is_degraded(app)

    assert not anchor.are_late()

    backdate(superuser)
    assert the_anchor().is_late(now)
    assert is_degraded(app)
    assert anchor.are_late()

    with witness(tmp_path, log_of(first), port=running.port):
        worker.bring()
    assert worker.is_satisfied()
    assert not is_degraded(app)


def backdate(superuser: psycopg.Connection) -> None:
    """Has all that is there be older by a day, which only a superuser can."""
    guard = "TRIGGER activity_checkpoints_are_permanent"
    superuser.execute("UPDATE anchors SET added_at = added_at - interval '25 hours'")
    superuser.execute(f"ALTER TABLE activity_checkpoints DISABLE {guard}".encode())
    superuser.execute("UPDATE activity_checkpoints SET at = at - interval '25 hours'")
    superuser.execute(f"ALTER TABLE activity_checkpoints ENABLE ALWAYS {guard}".encode())


def test_a_witness_that_has_seen_another_log_alarms_at_once(
    app: Flask, settings: Settings, told: Told, grow: Grow, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = grow()
    # Of whoever holds the key, or of a database that went back: what the witness saw is not what is here.
    other = Log([b"%d" % each for each in range(9)], Signer(first.origin, base64.b64decode(SEED)))
    with witness(tmp_path, log_of(first)) as running:
        worker = told(*asking(running))
        assert running.post(other.submission(0)).status == 200
        worker.bring()

    assert not worker.is_satisfied()
    assert the_anchor().is_alarming
    assert "has cosigned 9 leaves" in (the_anchor().error or "")
    assert is_degraded(app)
    for name in ("database_url", "redis_url", "encryption_keys"):
        monkeypatch.setenv(name.upper(), getattr(settings, name))
    assert f"{the_anchor().name} has seen another log" in CliRunner().invoke(doctor).output


def test_a_quorum_is_reached_although_one_is_down(told: Told, grow: Grow, tmp_path: Path) -> None:
    log = log_of(grow())
    names = ("one.example.com", "two.example.com", "three.example.com")
    for name in names:
        (tmp_path / name).mkdir()
    with ExitStack() as up:
        running = [up.enter_context(witness(tmp_path / name, log, name=name)) for name in names]
        keys = [f"witness {each.verifier.name} {each.verifier} {each.url}" for each in running]
        running[2].kill()
        worker = told(f"log {log}", *keys, f"group ours 2 {' '.join(names)}", "quorum ours")
        worker.bring()

    assert worker.is_satisfied()
    assert set(worker.policy.witnessed(Note.parse(newest().note))) == {*names[:2]}


def test_every_checkpoint_is_added_to_the_file(told: Told, grow: Grow, tmp_path: Path) -> None:
    file = tmp_path / "anchored"
    made = [grow(), grow()]
    worker = told(file=file)
    worker.bring()
    file.write_text(f"{file.read_text()}half of a no")
    made.append(grow())
    worker.bring()

    assert file.read_text() == f"{made[0].note}\n{made[1].note}\nhalf of a no\n\n{made[2].note}\n"
    for each in made:
        assert opened(each.note, log_of(each)) == Checkpoint(each.origin, each.size, each.root)


def test_a_file_that_cannot_be_written_is_tried_again(told: Told, grow: Grow, tmp_path: Path) -> None:
    grow()
    folder = tmp_path / "later"
    worker = told(file=folder / "anchored")
    worker.bring()
    assert "FileNotFoundError" in (the_anchor().error or "")
    folder.mkdir()
    worker.bring()

    assert the_anchor().error is None
    assert (folder / "anchored").read_text() == f"{newest().note}\n"


def test_what_is_not_configured_any_more_is_not_waited_for(app: Flask, told: Told, grow: Grow, tmp_path: Path) -> None:
    grow()
    told(file=tmp_path / "anchored").bring()
    grow()

    assert told().look() == []
    assert anchor.anchors() == []
    assert not is_degraded(app)


@pytest.mark.parametrize(
    ("written", "why"),
    [
        (None, "No such file"),
        ("quorum nobody\n", "line 1: no line before names nobody"),
        ("witness one {key} ftp://one.example.com\nquorum one\n", "must begin with https://"),
    ],
)
def test_a_policy_that_is_none_is_refused_when_the_worker_starts(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, written: str | None, why: str
) -> None:
    policy = tmp_path / "policy"
    if written:
        public = Signer("one.example.com", bytes(32)).verifier._replace(type=COSIGNATURE)
        policy.write_text(written.format(key=public))
    for name in ("database_url", "redis_url", "encryption_keys", "signing_keys"):
        monkeypatch.setenv(name.upper(), getattr(settings, name))
    monkeypatch.setenv("WITNESSES", str(policy))
    answer = CliRunner().invoke(main, ["worker"])

    assert answer.exit_code == 1
    assert why in answer.output


def test_nobody_is_asked_before_anything_is_sealed(app: Flask, told: Told) -> None:
    key = Signer("one.example.com", bytes(32)).verifier._replace(type=COSIGNATURE)
    told(f"witness one {key} http://127.0.0.1:{free_port()}", "quorum one").bring()

    assert the_anchor().error is None
    assert not is_degraded(app)
