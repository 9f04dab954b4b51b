"""Several processes of pytest, each with PostgreSQL, Valkey and a container engine of its own."""

import pytest
from xdist.scheduler import LoadScopeScheduling

# What all tests of a file look at is slow to start.
IN_ONE_PIECE = ("tests/browser/", "tests/setup/test_running.py")
# The longest begin, so that no process is left alone with one of them in the end.
FIRST = (
    "tests/browser/",
    "tests/setup/",
    "tests/chaos/",
    "tests/rules/test_fifth_kind.py",
    "tests/runtime/",
    "tests/worker/",
)


class SideBySide(LoadScopeScheduling):
    """Gives every process the next test, or the next file of those that stay in one piece.

    Not `--dist loadgroup`, which pytest-xdist 3.8 forgets under pytest 9.2 (pytest-xdist issue 1386).
    """

    def _split_scope(self, nodeid: str) -> str:
        return nodeid.partition("::")[0] if nodeid.startswith(IN_ONE_PIECE) else nodeid


def arrange(items: list[pytest.Item]) -> None:
    """Put them in the order in which they begin."""
    items.sort(key=lambda item: [not item.nodeid.startswith(each) for each in FIRST])
