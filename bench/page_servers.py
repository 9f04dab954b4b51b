"""What the web server costs and what slow clients cost, against the server that the pages had before."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from sys import executable

from bench.common import Goal, Ground, Row, compare
from bench.feed_page import product, signed_in
from bench.processes import Server, environment, free_port, running
from bench.slow_clients import slow_clients

# CPU time is counted in steps of 10 ms in each of several processes: enough requests that a step does not matter.
ROUNDS, TIMES = 15, 1000
SLOW_ROUNDS, SLOW_TIMES = 7, 300
CPU_GOAL = Goal(1.15)
SLOW_GOAL = Goal(3)
SENDERS = NON_READERS = 50
# Those who do not read ask for as much as there is room for, which is work like any other.
SETTLE_SECONDS = 5


def rows(ground: Ground) -> Iterator[Row]:
    """The CPU of a full feed page in the workers of each; then how late the latest pages are."""
    path = f"/orgs/{ground.organisations[ground.big].handle}/activity"
    with product(ground, path) as ours, _granian(ground, path) as before:
        now, then = partial(ours.cpu_per_request, TIMES), partial(before.cpu_per_request, TIMES)
        yield compare("CPU of a full feed page on this server", now, "on granian's WSGI", then, CPU_GOAL, rounds=ROUNDS)
    with product(ground, path) as beside, product(ground, path) as alone:
        what = (
            f"p99 of a feed page beside {SENDERS} clients that send a byte a second and {NON_READERS} that do not read"
        )
        slow, quick = partial(_beside_slow_clients, beside), partial(_slowest, alone)
        yield compare(what, slow, "without them", quick, SLOW_GOAL, rounds=SLOW_ROUNDS)


def _beside_slow_clients(server: Server) -> float:
    """Anew each time, since the server drops them after a while."""
    with slow_clients(server.port, SENDERS, NON_READERS):
        time.sleep(SETTLE_SECONDS)
        return _slowest(server)


def _slowest(server: Server) -> float:
    """Seconds that the third slowest of 300 answers took: the 99th percentile."""
    taken = []
    for _ in range(SLOW_TIMES):
        start = time.perf_counter()
        server.ask(1)
        taken.append(time.perf_counter() - start)
    return sorted(taken)[-SLOW_TIMES // 100]


@contextmanager
def _granian(ground: Ground, path: str) -> Iterator[Server]:
    """The server of the pages until it was found that one slow body stops it."""
    port = free_port()
    command = [executable, "-m", "granian", "--interface", "wsgi", "--host", "127.0.0.1", "--port", str(port)]
    command += ["--workers", "2", "--blocking-threads", "1", "--no-ws", "--log-level", "warning", "web.wsgi:app"]
    with running(command, environment(ground.settings), ground.settings.data_dir / "granian.log") as process:
        Server(process, port, "/login", {}).wait()
        yield Server(process, port, path, {"Cookie": signed_in(port, ground.password)})
