"""Which tests may run at the same moment: several processes of pytest, each with PostgreSQL and Valkey of its own."""

from pathlib import Path

import pytest
from xdist.scheduler import LoadScopeScheduling

# There is one container engine a run: its networks and its firewall rules are the machine's.
ON_ENGINE = ("tests/runtime/", "tests/browser/test_deployments.py")
# What a whole file looks at is slow to start.
IN_ONE_PIECE = ("tests/browser/", "tests/setup/test_running.py")
# The longest begin, so that no process is left alone with one of them in the end.
FIRST = (*ON_ENGINE, *IN_ONE_PIECE, "tests/chaos/", "tests/setup/", "tests/worker/")


class SideBySide(LoadScopeScheduling):
    """Gives every process the next test, or the next group of those that must share one.

    Not `--dist loadgroup`, which pytest-xdist 3.8 forgets under pytest 9.2 (pytest-xdist issue 1386).
    """

    def _split_scope(self, nodeid: str) -> str:
        return group(nodeid)


def group(nodeid: str) -> str:
    """What the tests of one process have in common; a test that needs no other is a group of its own."""
    if nodeid.startswith(ON_ENGINE):
        return "engine"
    return nodeid.partition("::")[0] if nodeid.startswith(IN_ONE_PIECE) else nodeid


def arrange(items: list[pytest.Item]) -> None:
    """Put them in the order in which they begin. Raises UsageError for one that would start a second engine."""
    items.sort(key=lambda item: [not item.nodeid.startswith(each) for each in FIRST])
    for item in items:
        if "private_engine" in getattr(item, "fixturenames", ()) and group(item.nodeid) != "engine":
            raise pytest.UsageError(f"{item.nodeid} uses the engine: name its file in {Path(__file__).name}")
