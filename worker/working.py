"""A Celery worker as its process, without Celery's own command line, which brings much that is never asked for."""

import sys
from typing import Any

from celery.utils.nodenames import default_nodename, host_format
from celery.worker.autoscale import Autoscaler

from worker.main import app

# After so long without work, a process beside the first one ends.
IDLE_SECONDS = 10


class ReadyToEnd(Autoscaler):  # type: ignore[misc]  # Celery ships no types
    """Celery's, which would wait for longer than passes between two looks at what is due, and so for ever."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **{**named, "keepalive": IDLE_SECONDS})


def main(name: str, queue: str, pool: str, concurrency: str, log_level: str) -> None:
    """Work on what is in the queue, until SIGTERM. Threads are there when they are needed, and so are processes."""
    more: dict[str, Any] = {}
    if pool == "prefork":
        more = {"autoscale": [int(concurrency), 1], "autoscaler_cls": ReadyToEnd}
    working = app.Worker(
        hostname=host_format(default_nodename(name)),
        queues=queue,
        pool_cls=pool,
        concurrency=int(concurrency),
        loglevel=log_level,
        # Nobody listens to what workers say to each other. A worker would try for ever to say that it is there, even
        # when it is asked to end: worker/alive.py tells health checks.
        without_heartbeat=True,
        without_gossip=True,
        without_mingle=True,
        quiet=True,
        **more,
    )
    working.start()
    sys.exit(working.exitcode)


if __name__ == "__main__":
    main(*sys.argv[1:])
