"""Several processes behind one port; one that dies is replaced while the others answer."""

import os
import resource
import signal
import socket
import sys
import threading
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from importlib import import_module
from types import FrameType
from typing import NoReturn

from uvicorn import Config

from web.cli.local.launch import end_with
from web.restarts import Restarts
from web.serving.buffered import Buffered
from web.serving.connection import CONNECTIONS_MOST, IDLE_SECONDS, Connection, PatientServer
from web.serving.listening import BACKLOG

# What is under way may end; what takes longer, such as someone who reads slowly, is cut off.
GRACE_SECONDS = 5
LOOK_SECONDS = 0.1
# Besides connections: the database's, the broker's, files that are being sent.
OTHER_FILES = 300


def serve(listening: socket.socket, processes: int, application: str) -> int:
    """Serve the WSGI application `module:name` until SIGTERM or SIGINT; returns the exit status.

    The application is loaded once, before the processes fork: they share it, and one is replaced at once.
    """
    module, _, name = application.partition(":")
    return serve_application(listening, processes, getattr(import_module(module), name))


def serve_application(listening: socket.socket, processes: int, wsgi: object) -> int:
    """Serve a WSGI application that is loaded, until SIGTERM or SIGINT; returns the exit status."""
    _allow_files()
    return _Family(lambda: _answer(listening, wsgi), processes).run()


class _Family:
    """Processes that do the same, started again when they end."""

    def __init__(self, work: Callable[[], NoReturn], size: int) -> None:
        self._work, self._size = work, size
        self._stopping = threading.Event()
        self._born: dict[int, float] = {}
        self._restarts = Restarts()

    def run(self) -> int:
        for asked in (signal.SIGTERM, signal.SIGINT):
            signal.signal(asked, self._stop)
        for _ in range(self._size):
            self._fork()
        try:
            while not self._stopping.wait(LOOK_SECONDS):
                if (pid := self._ended()) and not self._replace(pid):
                    return 1
        finally:
            self._end()
        return 0

    def _stop(self, _signal: int, _frame: FrameType | None) -> None:
        self._stopping.set()

    def _fork(self) -> None:
        parent = os.getpid()
        pid = os.fork()
        if pid:
            self._born[pid] = time.monotonic()
            return
        for asked in (signal.SIGTERM, signal.SIGINT):
            signal.signal(asked, signal.SIG_DFL)
        end_with(parent, signal.SIGTERM)
        self._work()

    def _ended(self) -> int:
        pid, _ = os.waitpid(-1, os.WNOHANG)
        return pid

    def _replace(self, pid: int) -> bool:
        lived = time.monotonic() - self._born.pop(pid)
        pause = self._restarts.after(lived)
        if pause is None:
            print(f"A web process ended after {lived:.0f} s, again and again: giving up.", file=sys.stderr, flush=True)
            return False
        print(f"A web process ({pid}) ended; another one takes its place.", file=sys.stderr, flush=True)
        if not self._stopping.wait(pause):
            self._fork()
        return True

    def _end(self) -> None:
        for pid in self._born:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGTERM)
        end = time.monotonic() + GRACE_SECONDS + 2
        while self._born and time.monotonic() < end:
            while pid := self._ended_of_mine():
                self._born.pop(pid, None)
            time.sleep(0.05)
        for pid in self._born:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def _ended_of_mine(self) -> int:
        try:
            return self._ended()
        except ChildProcessError:
            self._born.clear()
            return 0


def _answer(listening: socket.socket, wsgi: object) -> NoReturn:
    """What one process does."""
    config = Config(
        Buffered(wsgi),
        http=Connection,
        loop="uvloop",
        ws="none",
        lifespan="off",
        interface="asgi3",
        # Whom to believe about the client is ProxyFix's to know (web/application.py).
        proxy_headers=False,
        server_header=False,
        access_log=False,
        # Less would let a stranger fill the log with requests that are none.
        log_level="error",
        backlog=BACKLOG,
        timeout_keep_alive=IDLE_SECONDS,
        timeout_graceful_shutdown=GRACE_SECONDS,
    )
    try:
        PatientServer(config).run([listening])
    except Exception:
        traceback.print_exc()
    # Threads that wait for a database that hangs are not waited for.
    os._exit(1)


def _allow_files() -> None:
    """A system's usual limit of 1,024 files is close to what we use."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 2 * (CONNECTIONS_MOST + OTHER_FILES)
    if hard == resource.RLIM_INFINITY or hard >= wanted > soft:
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(wanted, soft), hard))
