"""A worker that is frozen past its lease: another one takes over, and the first writes nothing more when it thaws."""

import signal
import time

import psycopg

from models.jobs.job import JOBS
from models.log.actor import Actor
from tests.chaos.fleet import Fleet
from tests.chaos.people import ada, double_click, furnish
from tests.support.proof import violations

# Of the role that web and worker connect with (web/cli/local/embedded.py). It covers two looks at what is due as well:
# the broker gives the first message after the freeze to the worker that asked for one before it, and does not hear that
# it is frozen.
IDLE_SECONDS = 30
WORK_SECONDS = 60
UNFINISHED = "SELECT count(*) FROM jobs WHERE state IN ('ready', 'stuck')"
LAST = "SELECT sum(last_number) FROM activity_heads"
WAITING = "SELECT count(*) > 0 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND usename = 'activity_log_app'"
BETWEEN = """
    SELECT (SELECT bool_and(done BETWEEN 1 AND total - 3000) FROM jobs)
       AND NOT EXISTS (SELECT FROM pg_stat_activity WHERE usename = 'activity_log_app' AND state <> 'idle')
"""
TRIES = 3000


def test_frozen_inside_a_transaction_it_loses_the_chunk_and_the_job(
    fleet: Fleet, superuser: psycopg.Connection
) -> None:
    """It waits for the head of the log, which the test holds: rows are changed, their entries not yet written."""
    actor = _begin(fleet, containers=800)
    fleet.members["first"].signal(signal.SIGSTOP)
    double_click(fleet, actor, "acme", None)
    with psycopg.connect(fleet.superuser_url) as holder:
        holder.execute("SELECT 1 FROM activity_heads FOR UPDATE")
        fleet.members["first"].signal(signal.SIGCONT)
        fleet.wait(WAITING, [(True,)], WORK_SECONDS)
        fleet.members["first"].signal(signal.SIGSTOP)
    _taken_over(fleet, superuser)


def test_frozen_between_two_chunks_it_loses_the_job(fleet: Fleet, superuser: psycopg.Connection) -> None:
    """Stopped and let go on until it stands still where nothing of it is in a transaction."""
    actor = _begin(fleet, containers=30_000)
    double_click(fleet, actor, "acme", None)
    worker = fleet.members["first"]
    for _ in range(TRIES):
        worker.signal(signal.SIGSTOP)
        time.sleep(0.005)  # what its backend was asked before is answered
        if superuser.execute(BETWEEN.encode()).fetchone() == (True,):
            break
        worker.signal(signal.SIGCONT)
        time.sleep(0.001)
    else:
        raise AssertionError("never seen between two chunks")
    _taken_over(fleet, superuser)


def _begin(fleet: Fleet, containers: int) -> Actor:
    actor = ada(fleet)
    furnish(fleet, actor, "acme", projects=1, containers=containers)
    fleet.workers("first", concurrency=1)  # whose chunks follow one another
    return actor


def _taken_over(fleet: Fleet, superuser: psycopg.Connection) -> None:
    frozen_at = time.monotonic()
    fleet.workers("second")
    fleet.launch("scheduler", "scheduler")
    fleet.wait(UNFINISHED, [(0,)], JOBS.lease_seconds + IDLE_SECONDS + WORK_SECONDS)
    print(f"taken over and done {time.monotonic() - frozen_at:.1f} s after the freeze")
    before = fleet.ask(LAST)
    fleet.members["first"].signal(signal.SIGCONT)
    time.sleep(3)

    assert fleet.ask(LAST) == before
    assert violations(superuser) == []
