"""The platform as real processes: web, a Celery worker, as an operator would start them."""

import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import psutil

from bench.processes import environment, free_port, running, until
from models.settings import Settings

__all__ = [
    "alive",
    "command_line",
    "environment",
    "free_port",
    "is_busy",
    "kill",
    "of_each",
    "process",
    "runtime",
    "site",
    "until",
]

T = TypeVar("T")


@contextmanager
def process(settings: Settings, log: Path, *command: str, port: int = 8000) -> Iterator[psutil.Process]:
    """A subcommand of `activity-log`, stopped in the end; what it prints goes to `log`."""
    program = [sys.executable, "-c", "from web.cli import main; main()", *command]
    with running(program, environment(settings, port), log) as started:
        yield started


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


def is_busy(process: psutil.Process) -> bool:
    """Whether a thread of it has a CPU or waits for one, as Linux tells, or has ended while it was asked."""
    try:
        states = (each.read_text().rpartition(")")[2] for each in Path(f"/proc/{process.pid}/task").glob("*/stat"))
        return any(each.split()[0] == "R" for each in states)
    except OSError:
        return True


def command_line(process: psutil.Process) -> list[str]:
    """Returns the words of its command line; none once it has ended."""
    try:
        words: list[str] = process.cmdline()
        return words
    except psutil.NoSuchProcess:
        return []


def of_each(processes: Iterable[psutil.Process], ask: Callable[[psutil.Process], T]) -> list[T]:
    """Returns what each answers that has not ended; any may end between being found and being asked."""
    found = []
    for each in processes:
        with suppress(psutil.NoSuchProcess):
            found.append(ask(each))
    return found


def kill(processes: Iterable[psutil.Process]) -> None:
    """Kills them one after the other, as a power cut would; some may end because another did."""
    of_each(processes, psutil.Process.kill)


def alive(processes: Iterable[psutil.Process]) -> list[psutil.Process]:
    """Returns those that have not ended; what a parent has not looked after yet has."""
    found = of_each(processes, lambda each: (each, each.status()))
    return [each for each, status in found if status != psutil.STATUS_ZOMBIE]
