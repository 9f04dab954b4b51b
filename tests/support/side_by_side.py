"""Several processes of pytest, each with PostgreSQL, Valkey and a container engine of its own."""

import re
from pathlib import Path

import pytest
from xdist.scheduler import LoadScopeScheduling

TESTS = Path(__file__).resolve().parent.parent
SHARED = re.compile(r'scope="(module|package)"')
# The longest begin, so that no process is left alone with one of them in the end.
FIRST = (
    "tests/browser/",
    "tests/setup/",
    "tests/chaos/",
    "tests/rules/test_fifth_kind.py",
    "tests/web/test_server.py",
    "tests/web/test_frozen_database.py",
    "tests/runtime/",
    "tests/worker/",
)


def in_one_piece() -> tuple[str, ...]:
    """Returns the files, and the folders of files, whose tests share something that is slow to start."""
    sharing = [each for each in TESTS.rglob("*.py") if SHARED.search(each.read_text())]
    places = [f"{each.parent}/" if each.name == "conftest.py" else str(each) for each in sharing]
    return tuple(each.removeprefix(f"{TESTS.parent}/") for each in places)


class SideBySide(LoadScopeScheduling):
    """Gives every process the next test, or the next file of those that stay in one piece.

    Not `--dist loadgroup`, which pytest-xdist 3.8 forgets under pytest 9.2 (pytest-xdist issue 1386).
    """

    files = in_one_piece()

    def _split_scope(self, nodeid: str) -> str:
        return nodeid.partition("::")[0] if nodeid.startswith(self.files) else nodeid


def arrange(items: list[pytest.Item]) -> None:
    """Put them in the order in which they begin."""
    items.sort(key=lambda item: [not item.nodeid.startswith(each) for each in FIRST])
