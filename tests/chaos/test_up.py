"""Whatever `activity-log up` runs is killed while there is work: it comes back, and pages are answered meanwhile."""

import os
import random
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from psycopg.conninfo import conninfo_to_dict

from models.settings import Settings
from tests.chaos.conftest import LONG
from tests.chaos.fleet import Fleet
from tests.chaos.people import ada, double_click, furnish
from tests.setup.running import MEMBERS, Running, environment_of, finish
from tests.support.clients import ask, request
from tests.support.proof import violations
from web.cli.local import embedded

TURNS = 3 if LONG else 1
CONTAINERS = 1000 if LONG else 200
# Beside the first processes of each: one of the web's own, and one of the worker's.
VICTIMS = [*MEMBERS, "a web process", "a worker's child"]
DONE_SECONDS = 90
UNFINISHED = "SELECT count(*) FROM jobs WHERE state IN ('ready', 'stuck')"
ALIVE = "SELECT count(*) FROM containers WHERE ended_at IS NULL"


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Running]:
    """One that is up, without a demo."""
    started = [Running(tmp_path / "data")]
    yield started[0].wait()
    finish(started, tmp_path)


@pytest.fixture
def fleet(running: Running) -> Fleet:
    """What it runs, as those who click and those who check see it."""
    settings = Settings.from_environment(environment_of(running))
    kept = embedded.Secrets.kept_in(running.folder)
    place = conninfo_to_dict(settings.database_url)
    superuser_url = f"postgresql://postgres:{kept.superuser}@{place['host']}:{place['port']}/{place['dbname']}"
    return Fleet(settings, superuser_url, {}, running.folder)


class Reader(threading.Thread):
    """Opens a page again and again, and counts the answers; 0 stands for none."""

    def __init__(self, port: str) -> None:
        super().__init__(daemon=True)
        self._found: Counter[int] = Counter()
        self._ended = threading.Event()
        self._port = int(port)
        self.start()

    def run(self) -> None:
        """Until it is told to end."""
        while not self._ended.wait(0.05):
            try:
                self._found[ask(self._port, request("GET", "/login")).status] += 1
            except OSError:
                self._found[0] += 1

    def since(self) -> Counter[int]:
        """The answers since this was asked the last time."""
        found, self._found = self._found, Counter()
        return found

    def end(self) -> None:
        """It is told."""
        self._ended.set()
        self.join()


def victim(running: Running, name: str) -> psutil.Process:
    """The process to kill."""
    first = running.member({"a web process": "web", "a worker's child": "worker"}.get(name, name))
    assert first, f"{name} is not there"
    return first if name in MEMBERS else first.children()[0]


def test_whatever_is_killed_comes_back_and_the_work_is_done(running: Running, fleet: Fleet) -> None:
    seed = int(os.environ.get("CHAOS_SEED") or random.SystemRandom().randrange(10**6))
    print(f"CHAOS_SEED={seed}")
    dice = random.Random(seed)
    actor = ada(fleet)
    faults = [name for _ in range(TURNS) for name in dice.sample(VICTIMS, len(VICTIMS))]
    for number in range(len(faults)):
        furnish(fleet, actor, f"o{number}", 1, CONTAINERS)

    settle(running)
    reader = Reader(running.port)
    for number, name in enumerate(faults):
        double_click(fleet, actor, f"o{number}", None)
        time.sleep(dice.uniform(0, 0.3))
        reader.since()
        victim(running, name).kill()
        settle(running)
        pages = reader.since()
        print(f"{name} killed: {dict(pages)}")
        # Whoever had sent a request to the process that died has no answer; nobody is refused.
        assert set(pages) <= ({200, 0} if "web" in name else {200})
        assert pages[0] <= 1
    reader.end()
    took = fleet.wait(UNFINISHED, [(0,)], DONE_SECONDS)

    print(f"done {took:.1f} s after the last")
    assert running.process.poll() is None
    assert fleet.ask(ALIVE) == [(0,)]
    assert fleet.patiently(lambda connection: [(each,) for each in violations(connection)]) == []


def settle(running: Running) -> None:
    """Until everything is there again, and answers."""
    end = time.monotonic() + DONE_SECONDS
    while not is_whole(running):
        assert running.process.poll() is None, running.printed
        assert time.monotonic() < end, running.printed
        time.sleep(0.1)


def is_whole(running: Running) -> bool:
    """Whether each is there, web and worker with processes of their own, and database and broker answer."""
    members = {name: running.member(name) for name in MEMBERS}
    try:
        alive = {name: len(each.children()) for name, each in members.items() if each}
        well = ask(int(running.port), request("GET", "/healthz")).status == 200
    except (OSError, psutil.NoSuchProcess):
        return False
    return well and set(alive) == set(MEMBERS) and min(alive["web"], alive["worker"]) > 0
