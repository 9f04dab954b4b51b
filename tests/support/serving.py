"""The web server as a process of its own, with any application and other limits than the usual ones."""

import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import psutil

from bench.processes import environment, free_port, running, until
from models.settings import Settings

PROGRAM = """
import sys
from web.serving import buffered, connection, listening, processes
{changed}
sys.exit(processes.serve(listening.listen("127.0.0.1", {port}), {processes}, "{application}"))
"""


class Serving(NamedTuple):
    """A web server that runs."""

    port: int
    parent: psutil.Process
    log: Path

    def children(self) -> set[int]:
        """The processes that answer."""
        return {each.pid for each in self.parent.children()}


@contextmanager
def served(
    settings: Settings, logs: Path, application: str = "web.wsgi:app", processes: int = 1, **limits: float
) -> Iterator[Serving]:
    """The server while the block runs. A limit is named after its module and constant: `buffered_BODY_SECONDS=1`."""
    port = free_port()
    changed = "; ".join(f"{name.replace('_', '.', 1)} = {value}" for name, value in limits.items())
    program = PROGRAM.format(changed=changed, port=port, processes=processes, application=application)
    with running([sys.executable, "-c", program], environment(settings, port), logs / "web.log") as process:
        until(lambda: _accepts(port), logs / "web.log")
        yield Serving(port, process, logs / "web.log")


def _accepts(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        return False
    return True
