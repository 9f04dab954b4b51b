"""Processes of the product on this machine, started as an operator starts them, and the CPU they use.

The tests start theirs with it, too.
"""

import http.client
import os
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import cycle, islice
from pathlib import Path
from sys import executable

import psutil

from models.settings import Settings

PROGRAM = str(Path(executable).with_name("activity-log"))
PATIENCE_SECONDS, STOP_SECONDS = 200, 30
# Below those that the kernel gives to whoever names none: a port that is free now is not taken a moment later. Every
# process of the tests has some of its own, and begins anywhere among them, for others may run beside it.
FIRST_PORT, PORTS_EACH = 10_000, 1000
_first = FIRST_PORT + PORTS_EACH * (int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % 20)
_ports = islice(cycle(range(_first, _first + PORTS_EACH)), os.getpid() % PORTS_EACH, None)


def environment(settings: Settings, port: int = 8000) -> dict[str, str]:
    """What a process of the product is told."""
    return {
        **os.environ,
        "DATABASE_URL": settings.database_url,
        "REDIS_URL": settings.redis_url,
        "SECRET_KEY": settings.secret_key,
        "ENCRYPTION_KEYS": settings.encryption_keys,
        "SIGNING_KEYS": settings.signing_keys,
        "DATA_DIR": str(settings.data_dir),
        "ERASURES_FILE": settings.erasures_file,
        # Never the engine of the machine itself.
        "DOCKER_HOST": settings.docker_host or "none",
        "HEALTH_SECONDS": str(settings.health_seconds),
        "PORT": str(port),
    }


def free_port() -> int:
    """A port that nobody uses now."""
    for port in islice(_ports, PORTS_EACH):
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise OSError(f"none of {PORTS_EACH} ports from {_first} is free")


@contextmanager
def running(command: list[str], environment: dict[str, str], log: Path) -> Iterator[psutil.Process]:
    """The command until the block ends; what it says goes to `log`."""
    with log.open("wb") as said:
        process = psutil.Popen(command, env=environment, stdout=said, stderr=said)
        try:
            yield process
        finally:
            with suppress(psutil.NoSuchProcess):
                process.terminate()
            try:
                process.wait(STOP_SECONDS)
            except (psutil.TimeoutExpired, subprocess.TimeoutExpired):
                process.kill()
                process.wait()


def until(
    ready: Callable[[], bool], log: Path | None = None, over: Callable[[], bool] = lambda: False, every: float = 0.1
) -> None:
    """Wait until it is so. Raises TimeoutError with the end of the log, at once when it is `over`."""
    end = time.monotonic() + PATIENCE_SECONDS
    while not ready():
        if time.monotonic() > end or over():
            raise TimeoutError(log.read_text()[-4000:] if log else "")
        time.sleep(every)


@dataclass(frozen=True)
class Server:
    """A web server on this machine, and how to ask it one page again and again."""

    process: psutil.Process
    port: int
    path: str
    headers: dict[str, str]

    def cpu_seconds(self) -> float:
        """User and system time of its worker processes so far."""
        times = [child.cpu_times() for child in self.process.children(recursive=True)]
        return float(sum(each.user + each.system for each in times))

    def ask(self, times: int) -> bytes:
        """The last of `times` answers over one connection; anything but 200 is an error."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE_SECONDS)
        body = b""
        for _ in range(times):
            connection.request("GET", self.path, headers=self.headers)
            response = connection.getresponse()
            body = response.read()
            if response.status != http.client.OK:
                raise RuntimeError(f"{self.path} answered {response.status}")
        connection.close()
        return body

    def cpu_per_request(self, times: int) -> float:
        """CPU seconds of the workers for one request."""
        before = self.cpu_seconds()
        self.ask(times)
        return (self.cpu_seconds() - before) / times

    def seconds_per_request(self, times: int) -> float:
        """Seconds until one answer is there, one asked for after the other."""
        start = time.perf_counter()
        self.ask(times)
        return (time.perf_counter() - start) / times

    def wait(self) -> None:
        """Until it accepts connections. Raises TimeoutError."""
        until(self._listens)

    def _listens(self) -> bool:
        try:
            socket.create_connection(("127.0.0.1", self.port), 1).close()
        except OSError:
            return False
        return True
