"""`activity-log doctor` on a database that someone has meddled with, as only a superuser can."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from click.testing import CliRunner
from flask import Flask

from models.migrations import steps
from models.organisation import Organisation
from models.settings import Settings
from models.system import guards
from models.system.guards import TRIGGERS
from tests.support.past import happened
from web.cli.doctor import doctor

APP = "activity_log_app"
MEDDLED = [
    (
        "ALTER TABLE activity_entries ENABLE TRIGGER activity_entries_are_permanent",
        "ALTER TABLE activity_entries ENABLE ALWAYS TRIGGER activity_entries_are_permanent",
        "activity_entries_are_permanent on activity_entries: missing, or not enabled always",
    ),
    (
        "ALTER TABLE activity_heads DISABLE TRIGGER activity_heads_only_grow",
        "ALTER TABLE activity_heads ENABLE ALWAYS TRIGGER activity_heads_only_grow",
        "activity_heads_only_grow on activity_heads: missing",
    ),
    (
        "ALTER TABLE activity_owed DISABLE TRIGGER activity_owed_is_told",
        "ALTER TABLE activity_owed ENABLE ALWAYS TRIGGER activity_owed_is_told",
        "activity_owed_is_told on activity_owed: missing",
    ),
    (
        "ALTER TABLE containers DISABLE TRIGGER containers_owe_for_update",
        "ALTER TABLE containers ENABLE ALWAYS TRIGGER containers_owe_for_update",
        "containers_owe_for_update on containers: missing",
    ),
    (
        f"GRANT UPDATE (summary) ON activity_entries TO {APP}",
        f"REVOKE UPDATE (summary) ON activity_entries FROM {APP}",
        "it has UPDATE on activity_entries",
    ),
    (
        "GRANT DELETE ON activity_runs TO PUBLIC",
        "REVOKE DELETE ON activity_runs FROM PUBLIC",
        "it has DELETE on activity_runs",
    ),
    (f"GRANT activity_log_owner TO {APP}", f"REVOKE activity_log_owner FROM {APP}", "may do as the owner of"),
    (f"ALTER ROLE {APP} CREATEROLE", f"ALTER ROLE {APP} NOCREATEROLE", "has CREATEROLE"),
    (
        f"ALTER ROLE {APP} SET synchronous_commit = off",
        f"ALTER ROLE {APP} RESET synchronous_commit",
        "synchronous_commit is off",
    ),
    (
        "UPDATE alembic_version SET version_num = '0001'",
        f"UPDATE alembic_version SET version_num = '{steps()[-1]}'",
        f"it is at 0001, and this version is at {steps()[-1]}",
    ),
]


@pytest.fixture(autouse=True)
def told(monkeypatch: pytest.MonkeyPatch, settings: Settings, app: Flask, superuser: psycopg.Connection) -> None:
    """The commands of this test are about its database, whose servers forget everything in a crash, as tests may."""
    for name in ("database_url", "database_owner_url", "redis_url", "secret_key", "encryption_keys"):
        monkeypatch.setenv(name.upper(), getattr(settings, name))
    monkeypatch.setenv("DATA_DIR", str(settings.data_dir))


def examined() -> tuple[int, str]:
    """How the command ends, and what it prints."""
    found = CliRunner().invoke(doctor)
    if found.exception and not isinstance(found.exception, SystemExit):
        raise found.exception
    return found.exit_code, found.output


@contextmanager
def meddled(superuser: psycopg.Connection, do: str, undo: str) -> Iterator[None]:
    """As someone who may do anything, for a moment."""
    superuser.execute(do.encode())
    try:
        yield
    finally:
        superuser.execute(undo.encode())


def wrong(output: str) -> list[str]:
    """The lines that say what is wrong, but for what a test's own servers do without."""
    return [line for line in output.splitlines() if line.startswith("WRONG") and "full_page_writes" not in line]


def test_nothing_is_wrong_with_what_migrations_make(app: Flask) -> None:
    _, output = examined()

    assert wrong(output) == []
    assert output.count("\n") >= 12


@pytest.mark.parametrize(("do", "undo", "said"), MEDDLED)
def test_what_was_meddled_with_is_told_with_what_to_do(
    superuser: psycopg.Connection, do: str, undo: str, said: str
) -> None:
    with meddled(superuser, do, undo):
        code, output = examined()

    assert code == 1
    assert said in output
    line = next(line for line in output.splitlines() if said in line)
    assert output.splitlines()[output.splitlines().index(line) + 1].strip()


def test_a_broker_that_does_not_answer_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REDIS_URL", "redis://127.0.0.1:1/0")

    assert "WRONG  The broker takes hints" in examined()[1]


def test_a_database_that_does_not_answer_is_told_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://app:x@127.0.0.1:1/activity_log")
    monkeypatch.setenv("DATABASE_OWNER_URL", "postgresql://owner:x@127.0.0.1:1/activity_log")
    code, output = examined()

    assert code == 4
    assert output.startswith("WRONG  The database answers: ")
    assert output.count("\n") == 1


def test_a_log_that_is_not_sealed_for_long_is_told(acme: Organisation, superuser: psycopg.Connection) -> None:
    assert "ok     The log is sealed up to its end" in examined()[1]
    happened(superuser, acme, [datetime.now(UTC) - timedelta(minutes=1)] * 4)

    assert "entries of 1 logs have waited for more than 30 s" in examined()[1]


def test_why_nothing_more_is_sealed_is_told(superuser: psycopg.Connection) -> None:
    superuser.execute("INSERT INTO seal_refusals (organisation_id, refused_at, reason) VALUES (0, now(), 'went back')")

    assert "nothing more is sealed of 1 logs: went back" in examined()[1]

    superuser.execute("INSERT INTO seal_refusals (organisation_id, refused_at, reason) VALUES (7, now(), 'no leaf')")

    assert "nothing more is sealed of 2 logs: went back; organisation 7: no leaf" in examined()[1]


def test_each_trigger_on_the_log_is_known_to_it(superuser: psycopg.Connection) -> None:
    asked = "SELECT tgname, tgrelid::regclass::text FROM pg_trigger WHERE NOT tgisinternal"

    assert dict(superuser.execute(asked).fetchall()) == TRIGGERS
    assert guards.look()
