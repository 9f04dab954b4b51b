"""Keeps processes running: what ends is started again, more patiently each time, until that is hopeless."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Iterable
from contextlib import suppress
from typing import IO, Any, Protocol

import click

from web.cli.local import launch
from web.cli.local.server import CannotStart
from web.restarts import Restarts

STOP_SECONDS = 10
LINES_KEPT = 20


class Member(Protocol):
    """Something that is kept running."""

    name: str
    process: "subprocess.Popen[Any]"

    def start(self) -> None:
        """Start it, for the first time or again."""

    @property
    def last_words(self) -> str:
        """The end of what it printed."""


class Child:
    """A subcommand of `activity-log`. What it prints is printed under its name."""

    process: "subprocess.Popen[str]"

    def __init__(self, name: str, environ: dict[str, str], listening: socket.socket | None = None) -> None:
        self.name = name
        self._environ = environ
        # Ours to keep open: who connects while it starts again is answered later, and not refused.
        self._kept = () if listening is None else (listening.fileno(),)
        self._lines: deque[str] = deque(maxlen=LINES_KEPT)
        self.start()

    def start(self) -> None:
        """In a session of its own, so that Ctrl-C reaches `up` alone."""
        told = [word for each in self._kept for word in ("--socket", str(each))]
        self.process = subprocess.Popen(  # noqa: S603
            launch.command(ourselves(self.name, *told), signal.SIGTERM),
            pass_fds=self._kept,
            env=self._environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,
        )
        threading.Thread(target=self._forward, args=(self.process.stdout,), daemon=True).start()

    @property
    def last_words(self) -> str:
        return "\n".join(self._lines)

    def _forward(self, lines: IO[str]) -> None:
        for line in lines:
            self._lines.append(line.rstrip())
            # Go on reading even when nobody reads our output any more: a full pipe would stop the child.
            with suppress(OSError):
                click.echo(f"{self.name:9} | {line.rstrip()}")


class Supervisor:
    """Looks after members, each with a count of its quick deaths."""

    def __init__(self, members: Iterable[Member]) -> None:
        self._kept = [_Kept(each) for each in members]

    def look(self) -> None:
        """Start again what has ended. Raises CannotStart when one of them ends again and again."""
        for each in self._kept:
            each.look()


class _Kept:
    def __init__(self, member: Member) -> None:
        self._member = member
        self._restarts = Restarts()
        self._begun = time.monotonic()
        self._start_at: float | None = None

    def look(self) -> None:
        now = time.monotonic()
        if self._start_at is not None:
            if now >= self._start_at:
                self._start_at, self._begun = None, now
                self._member.start()
        elif self._member.process.poll() is not None:
            self._ended(now)

    def _ended(self, now: float) -> None:
        name, status = self._member.name, self._member.process.returncode
        # What it had started itself may have outlived it, and hold its port or its messages.
        kill_group(self._member.process.pid)
        pause = self._restarts.after(now - self._begun)
        if pause is None:
            raise CannotStart(
                f"{name} ended within seconds of its start, five times in a row, the last time with status {status}. "
                f"Its last words:\n{self._member.last_words}"
            )
        with suppress(OSError):  # when nobody reads our output any more
            click.echo(f"{name} ended with status {status}, and is started again.")
        self._start_at = now + pause


def end(children: list[Child]) -> None:
    """Ask all of them to end at once, so that it takes as long as the slowest and not as their sum.

    Only the first process of each is asked: a worker's children, asked as well, would drop what they have at hand, and
    the worker would wait for them in vain. What is left after STOP_SECONDS is killed; jobs survive that.
    """
    for child in children:
        child.process.terminate()
    end = time.monotonic() + STOP_SECONDS
    for child in children:
        with suppress(subprocess.TimeoutExpired):
            child.process.wait(max(0, end - time.monotonic()))
        kill_group(child.process.pid)
    for child in children:
        child.process.wait()


def kill_group(pid: int) -> None:
    """Kill what is left of a session that was started here."""
    with suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)


def ourselves(*command: str) -> list[str]:
    """A subcommand of `activity-log`, run by this Python."""
    return [sys.executable, "-c", "from web.cli import main; main(prog_name='activity-log')", *command]
