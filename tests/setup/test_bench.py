"""The bench works: each benchmark measures something, in one round on a small ground. Its figures are not looked at."""

import os
import subprocess
import sys

from bench.__main__ import ALL
from tests.support.reading import ROOT

# They start what tests/runtime and test_up.py start as well, and take longer than all others together.
LEFT_OUT = {"deployments", "idle"}


def test_every_benchmark_comes_to_its_rows() -> None:
    surroundings = {**os.environ, "BENCH_ENTRIES": "60000", "BENCH_ROUNDS": "1"}
    command = [sys.executable, "-m", "bench", *(name for name in ALL if name not in LEFT_OUT)]
    ran = subprocess.run(command, env=surroundings, cwd=ROOT, capture_output=True, text=True)  # noqa: S603
    # The table is made of all rows at the end. 1: a goal was missed, which says nothing here.
    assert "| What " in ran.stdout, ran.stderr
    assert ran.returncode in (0, 1)
