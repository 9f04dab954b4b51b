"""`activity-log up` as tests start it."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.setup.running import Running, finish


@pytest.fixture
def up(tmp_path: Path) -> Iterator[Callable[..., Running]]:
    """Start one; whatever is left of any is killed in the end."""
    started: list[Running] = []

    def start(folder: Path = tmp_path / "data", **options: object) -> Running:
        started.append(Running(folder, **options))  # type: ignore[arg-type]
        return started[-1]

    yield start
    finish(started, tmp_path)
