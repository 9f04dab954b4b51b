"""What `activity-log up` keeps in memory while nobody does anything, with its demo and its own servers."""

import os
import re
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil

from bench.common import Goal, Ground, Row, row_of
from bench.processes import PROGRAM, free_port, running, until
from models.settings import REQUIRED

MIB = 1024 * 1024
# What every process that serves pages or works has to load, whatever it is for.
BARE = "import celery, flask, flask_sqlalchemy, psycopg, time; print('loaded', flush=True); time.sleep(600)"
# Some 450 MiB, of which the servers have 50.
GOAL = Goal(10)
PSS = re.compile(r"^Pss:\s+(\d+) kB", re.MULTILINE)
WORKER = "worker@%h"


def rows(ground: Ground) -> Iterator[Row]:
    """The proportional set size: what is shared counts once, in parts."""
    folder = ground.settings.data_dir / "idle"
    folder.mkdir()
    inherited = {name: value for name, value in os.environ.items() if name not in REQUIRED}
    told = {**inherited, "DATA_DIR": str(folder / "data"), "PORT": str(free_port()), "DOCKER_HOST": "none"}
    with running([PROGRAM, "up"], told, folder / "log") as up:
        until(lambda: "is ready" in (folder / "log").read_text(), folder / "log")
        # The process that a worker needed for its first tasks ends by itself.
        until(lambda: _is_idle(up), folder / "log")
        ours = sum(map(_pss, [up, *up.children(recursive=True)]))
    with running([sys.executable, "-c", BARE], inherited, folder / "bare.log") as bare:
        until(lambda: "loaded" in (folder / "bare.log").read_text(), folder / "bare.log")
        theirs = _pss(bare)
    what = "Memory of `make run` with its demo, idle, all processes and servers"
    yield row_of(what, [(ours, theirs)], "one process with the frameworks loaded", GOAL, unit=_mebibytes)


def _is_idle(up: psutil.Process) -> bool:
    for each in up.children():
        with suppress(psutil.NoSuchProcess):
            if WORKER in each.cmdline():
                return len(each.children()) == 1
    return False


def _pss(process: psutil.Process) -> float:
    """In bytes; 0 for one that has ended."""
    with suppress(OSError, psutil.NoSuchProcess):
        if found := PSS.search(Path(f"/proc/{process.pid}/smaps_rollup").read_text()):
            return float(found[1]) * 1024
    return 0


def _mebibytes(size: float) -> str:
    return f"{size / MIB:.0f} MiB"
