"""How `activity-log up` ends: of what it cannot mend, or in the middle of its start."""

import signal
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from tests.setup.running import Running, ended
from tests.support.processes import command_line
from web.restarts import PAUSES, QUICK_SECONDS, Restarts


def test_what_dies_again_and_again_ends_everything_with_its_name_and_last_words(up: Callable[..., Running]) -> None:
    running = up().wait()
    family = running.family()
    (running.folder / "valkey" / "valkey.conf").write_text("nonsense yes\n")
    victim = running.member("Valkey")
    assert victim
    victim.kill()

    assert running.status() == 1
    assert "Valkey ended within seconds of its start, five times in a row" in running.printed
    assert "nonsense yes" in running.printed.rpartition("Its last words")[2]
    assert ended(family[1:])


def test_five_quick_deaths_are_hopeless_and_a_long_life_makes_up_for_them() -> None:
    restarts = Restarts()
    pauses = [restarts.after(1) for _ in PAUSES]

    assert pauses == sorted(PAUSES)
    assert restarts.after(QUICK_SECONDS) == PAUSES[0]
    assert [restarts.after(1) for _ in range(5)] == [*PAUSES, None]


@pytest.mark.parametrize(
    "stage", ["initdb", "postgres", "valkey-server", "migrate", "web", "worker", "worker.schedule"]
)
def test_it_ends_when_it_is_asked_to_in_the_middle_of_its_start(up: Callable[..., Running], stage: str) -> None:
    starting = up()
    starting.until(lambda: stage in words_of(starting), every=0.005)
    family = starting.family()
    begin = time.monotonic()
    starting.process.send_signal(signal.SIGTERM)

    assert starting.status() == 0
    assert time.monotonic() - begin < 60
    assert "Everything is ended." in starting.printed
    assert ended(family[1:])


def words_of(starting: Running) -> set[str]:
    """The words of the command lines of all that it has started so far."""
    family = psutil.Process(starting.process.pid).children(recursive=True)
    return {Path(word).name for each in family for word in command_line(each)}
