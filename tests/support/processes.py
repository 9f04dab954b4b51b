"""The platform as real processes: web on granian, a Celery worker, as an operator would start them."""

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from itertools import cycle, islice
from pathlib import Path

from models.settings import Settings

PATIENCE_SECONDS = 60
# Below those that the kernel gives to whoever names none: a port that is free now is not taken a moment later. Every
# process of the run has some of its own, and begins anywhere among them, for there may be another run.
FIRST_PORT, PORTS_EACH = 10_000, 1000
_first = FIRST_PORT + PORTS_EACH * (int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % 20)
_ports = islice(cycle(range(_first, _first + PORTS_EACH)), os.getpid() % PORTS_EACH, None)


def environment(settings: Settings, port: int) -> dict[str, str]:
    """What such a process is told."""
    return {
        **os.environ,
        "DATABASE_URL": settings.database_url,
        "REDIS_URL": settings.redis_url,
        "SECRET_KEY": settings.secret_key,
        "ENCRYPTION_KEYS": settings.encryption_keys,
        "DATA_DIR": str(settings.data_dir),
        # Never the engine of the machine on which the tests run.
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
def process(settings: Settings, log: Path, *command: str, port: int = 8000) -> Iterator[subprocess.Popen[bytes]]:
    """A subcommand of `activity-log`, stopped in the end; what it prints goes to `log`."""
    with log.open("wb") as out:
        running = subprocess.Popen(  # noqa: S603
            [sys.executable, "-c", "from web.cli import main; main()", *command],
            env=environment(settings, port),
            stdout=out,
            stderr=subprocess.STDOUT,
        )
    try:
        yield running
    finally:
        running.terminate()
        try:
            running.wait(timeout=15)
        except subprocess.TimeoutExpired:
            running.kill()
            running.wait()


@contextmanager
def site(settings: Settings, logs: Path) -> Iterator[str]:
    """Web and worker, running; yields the address."""
    port = free_port()
    with (
        process(settings, logs / "web.log", "web", "--workers", "1", port=port),
        process(settings, logs / "worker.log", "worker", "--concurrency", "2", "--log-level", "info"),
    ):
        address = f"http://127.0.0.1:{port}"
        until(lambda: _answers(f"{address}/healthz"), logs / "web.log")
        until(lambda: " ready." in (logs / "worker.log").read_text(), logs / "worker.log")
        yield address


@contextmanager
def runtime(settings: Settings, docker_host: str, logs: Path, health_seconds: int = 20) -> Iterator[None]:
    """The process that makes a container engine run what should run."""
    told = replace(settings, docker_host=docker_host, health_seconds=health_seconds)
    with process(told, logs / "runtime.log", "runtime", "--log-level", "info"):
        until(lambda: " ready." in (logs / "runtime.log").read_text(), logs / "runtime.log")
        yield


def _answers(address: str) -> bool:
    try:
        with urllib.request.urlopen(address, timeout=2) as answer:  # noqa: S310
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def until(ready: Callable[[], bool], log: Path, over: Callable[[], bool] = lambda: False) -> None:
    """Wait until it is so. Raises TimeoutError with the end of the log, at once when it is `over`."""
    end = time.monotonic() + PATIENCE_SECONDS
    while not ready():
        if time.monotonic() > end or over():
            raise TimeoutError(log.read_text()[-4000:])
        time.sleep(0.1)
