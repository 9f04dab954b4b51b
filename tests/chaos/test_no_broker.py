"""The broker is gone for good: clicks are answered, and `activity-log jobs run` does all the work."""

import subprocess
import sys
import time

from tests.chaos.fleet import Fleet
from tests.chaos.people import ada, double_click, furnish
from tests.support.processes import environment
from tests.support.proof import violations

ANSWER_SECONDS = 30


def test_without_a_broker_the_work_is_done_by_hand(fleet: Fleet) -> None:
    actor = ada(fleet)
    furnish(fleet, actor, "acme", projects=2, containers=2500)
    broker = fleet.members["Valkey"]
    broker.down = True
    broker.kill()
    begin = time.monotonic()
    double_click(fleet, actor, "acme", "p0")
    double_click(fleet, actor, "acme", None)
    assert time.monotonic() - begin < ANSWER_SECONDS
    assert fleet.ask("SELECT count(*) FROM jobs WHERE state = 'ready'") == [(2,)]

    run = [sys.executable, "-c", "from web.cli import main; main()", "jobs", "run"]
    done = subprocess.run(run, env=environment(fleet.settings, 8000), capture_output=True, text=True, check=True)  # noqa: S603

    assert done.stdout == "2 jobs done.\n"
    assert fleet.ask("SELECT DISTINCT state FROM jobs") == [("finished",)]
    assert fleet.ask("SELECT count(*) FROM containers WHERE ended_at IS NULL") == [(0,)]
    assert fleet.patiently(lambda connection: [(each,) for each in violations(connection)]) == []
