"""What `activity-log up` costs while nobody does anything."""

import re
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import psutil
import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from tests.setup.running import MEMBERS, Running, environment_of, finish
from tests.support.processes import of_each
from web.cli.local import embedded

# Looks that come round: at jobs every 15 s, at charges every 60, at the engine every 30, and who reports it.
STATEMENTS_A_MINUTE_MOST = 20
WINDOW_SECONDS = 60
SETTLED_AFTER = timedelta(seconds=20)
# Of Python: `up`, web with its two, worker with one, runtime, scheduler. Beside them Valkey, PostgreSQL with four of
# its own and now and then one that vacuums, and a few connections.
PYTHON_MOST, PROCESSES_MOST = 8, 24


@pytest.fixture(scope="module")
def idle(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """One that is up, and of which nobody wants anything."""
    folder = tmp_path_factory.mktemp("idle")
    started = [Running(folder / "data")]
    yield started[0].wait()
    finish(started, folder)


@pytest.fixture
def superuser(idle: Running) -> Iterator[psycopg.Connection]:
    """Its PostgreSQL, as who may do anything."""
    place = conninfo_to_dict(environment_of(idle)["DATABASE_URL"])
    kept = embedded.Secrets.kept_in(idle.folder)
    reached = {**place, "user": "postgres", "password": kept.superuser}
    with psycopg.connect(**reached, autocommit=True) as connection:  # type: ignore[arg-type]
        yield connection


def test_the_processes_are_few(idle: Running) -> None:
    def counted() -> tuple[int, int]:
        names = of_each(idle.family(), psutil.Process.name)
        return sum(name.startswith("python") for name in names), len(names)

    # What a worker needs for its first looks, and connections of which it had several at once, end by themselves.
    idle.until(lambda: counted()[0] <= PYTHON_MOST and counted()[1] <= PROCESSES_MOST)
    assert all(idle.member(name) for name in MEMBERS)


def test_the_statements_of_a_minute_are_few(idle: Running, superuser: psycopg.Connection) -> None:
    def looks_of(name: str) -> bool:
        # Each process has connected, which costs statements of its own, and stands still.
        asked = "SELECT count(*) FROM pg_stat_activity WHERE application_name = %s AND state = 'idle'"
        return superuser.execute(asked, [f"activity-log {name}"]).fetchone() != (0,)

    def has_settled() -> bool:
        # On a busy machine the last ones are still coming up.
        asked = """SELECT count(*) FROM pg_stat_activity
                    WHERE application_name LIKE 'activity-log %%' AND backend_start > now() - %s"""
        return superuser.execute(asked, [SETTLED_AFTER]).fetchone() == (0,)

    idle.until(lambda: looks_of("worker") and looks_of("runtime") and has_settled())
    log = idle.folder / "postgresql.log"
    superuser.execute("ALTER SYSTEM SET log_statement = 'all'")
    superuser.execute("SELECT pg_reload_conf()")

    def is_logged() -> bool:
        superuser.execute("SELECT 'the window begins'")
        return "the window begins" in log.read_text()

    idle.until(is_logged)
    end = time.monotonic() + WINDOW_SECONDS
    idle.until(lambda: time.monotonic() > end)
    found = statements(log)

    assert len(found) <= STATEMENTS_A_MINUTE_MOST, found
    # Somebody did look meanwhile.
    assert any("FROM jobs" in each for each in found)


def statements(log: Path) -> list[str]:
    """Those that were logged in the window, without what only connects."""
    lines = log.read_text().rpartition("the window begins")[2]
    return [
        " ".join(each.split()) for each in re.split(r"^.*LOG:  (?:statement|execute [^:]+): ", lines, flags=re.M)[1:]
    ]
