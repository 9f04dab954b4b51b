"""A server as a process of ours: started, tried again, waited for, stopped, and found again when it outlived us."""

import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

REFUSED_SECONDS = 8
RECOVERY_SECONDS = 300
STOP_SECONDS = 15
T = TypeVar("T")


class CannotStart(Exception):
    """An embedded server does not come up; the message says what to do."""


class Server:
    """A server that was started here."""

    def __init__(self, name: str, log: Path, command: list[str], clear: Callable[[], None]) -> None:
        self.name, self.log = name, log
        self._command, self._clear = command, clear
        self.start()

    def start(self) -> None:
        """For the first time, or again: over the same data, on the same port."""
        self._clear()
        self.process = _spawn(self._command, self.log)

    @property
    def last_words(self) -> str:
        """The end of its log."""
        return _tail(self.log)

    @property
    def has_ended(self) -> bool:
        """Whether its process has."""
        return self.process.poll() is not None


@dataclass(frozen=True)
class Attempt(Generic[T]):
    """One attempt to start a server, on a port of its own; `reached` is how to reach it once `ready` says so."""

    command: list[str]
    ready: Callable[[], bool]
    reached: T


@contextmanager
def running(
    name: str,
    attempt: Callable[[], Attempt[T]],
    log: Path,
    stop: signal.Signals,
    started: Callable[[Server], None],
    clear: Callable[[], None] = lambda: None,
    pause: Callable[[float], object] = time.sleep,
) -> Iterator[T]:
    """Run a server while the block runs; `clear` is called before every start.

    A start can fail for a second after a kill -9, or because the port was taken meanwhile: it is tried again for a
    while. A server that is up and recovering is given the time it needs. `pause` waits, and may raise to give up.
    """
    begin = time.monotonic()
    trying = attempt()
    server = Server(name, log, trying.command, clear)
    try:
        while not (trying.ready() and not server.has_ended):
            passed = time.monotonic() - begin
            if server.has_ended:
                if passed > REFUSED_SECONDS:
                    raise CannotStart(f"{name} does not start; the end of {log}:\n{server.last_words}")
                pause(0.3)
                trying = attempt()
                server = Server(name, log, trying.command, clear)
            elif passed > RECOVERY_SECONDS:
                raise CannotStart(f"{name} does not answer; the end of {log}:\n{server.last_words}")
            pause(0.05)
        started(server)
        yield trying.reached
    finally:
        _stop(server.process, stop)


def _spawn(command: list[str], log: Path) -> subprocess.Popen[bytes]:
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    with os.fdopen(descriptor, "ab") as out:
        # In a session of its own: Ctrl-C reaches `up` alone, which stops its servers last.
        return subprocess.Popen(  # noqa: S603 (a program of the wheels)
            command, stdout=out, stderr=out, stdin=subprocess.DEVNULL, start_new_session=True, cwd="/"
        )


def _stop(process: subprocess.Popen[bytes], how: signal.Signals) -> None:
    if process.poll() is None:
        process.send_signal(how)
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def end_leftover(pid_file: Path, data: Path, name: str) -> None:
    """Stop a server that outlived the `up` that started it: two over the same data would destroy it.

    Only a process whose command line names our data is stopped: its number may be another one's by now.
    """
    try:
        pid = int(pid_file.read_text().split()[0])
    except (OSError, ValueError, IndexError):
        return
    for how in (signal.SIGINT, signal.SIGKILL):
        if not _command_names(pid, data):
            break
        try:
            os.kill(pid, how)
        except ProcessLookupError:
            break
        except PermissionError:
            raise CannotStart(f"{name} (process {pid}) still runs over {data}, started by another user.") from None
        end = time.monotonic() + STOP_SECONDS
        while _command_names(pid, data) and time.monotonic() < end:
            time.sleep(0.1)
    if _lives(pid):
        # PostgreSQL would take any living process of its user with this number for itself, and never start again.
        pid_file.unlink(missing_ok=True)


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _command_names(pid: int, data: Path) -> bool:
    """Whether that process runs and was started over `data`."""
    if Path("/proc/self/cmdline").exists():
        try:
            line = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ")
        except OSError:
            return False
    else:
        line = subprocess.run(["ps", "-o", "command=", "-p", str(pid)], capture_output=True, check=False).stdout  # noqa: S603, S607
    return b" " + os.fsencode(data) + b" " in line.strip() + b" "


def free_port() -> int:
    """A port of 127.0.0.1 that is free now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _tail(log: Path) -> str:
    return log.read_text(errors="replace")[-2000:]
