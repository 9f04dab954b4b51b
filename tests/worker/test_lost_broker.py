"""A worker whose broker is gone ends when it is asked to, however far it had come."""

import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import psutil
import pytest
from flask import Flask

from models.settings import Settings
from tests.support.processes import process

# How much a worker says to its broker until it is ready, in pieces; at each of them it may be lost.
PIECES = range(10, 34, 2)
SIDE_BY_SIDE = 4
# It tries to get back to it by then, and has nothing to finish.
TRIES_SECONDS, ENDS_SECONDS = 3, 20


class Losing:
    """Stands between a process and its broker, and is gone for good after so many pieces of what the process says."""

    def __init__(self, redis_url: str, pieces: int) -> None:
        self._real = urlsplit(redis_url)
        self._left = pieces
        self._listening = socket.create_server(("127.0.0.1", 0))
        self._open: list[socket.socket] = []
        self._lock = threading.Lock()
        self.is_gone = threading.Event()
        here = f"{self._real.netloc.rpartition(':')[0]}:{self._listening.getsockname()[1]}"
        self.url = self._real._replace(netloc=here).geturl()
        threading.Thread(target=self._accept, daemon=True).start()

    def go(self) -> None:
        """Close everything; nobody gets through any more."""
        self.is_gone.set()
        with self._lock:
            for each in (self._listening, *self._open):
                with suppress(OSError):
                    each.shutdown(socket.SHUT_RDWR)
                each.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client = self._listening.accept()[0]
                server = socket.create_connection((self._real.hostname, self._real.port))
                with self._lock:
                    self._open += [client, server]
                threading.Thread(target=self._pass_on, args=(client, server, True), daemon=True).start()
                threading.Thread(target=self._pass_on, args=(server, client, False), daemon=True).start()

    def _pass_on(self, one: socket.socket, other: socket.socket, counts: bool) -> None:
        with suppress(OSError):
            while piece := one.recv(65536):
                with self._lock:
                    self._left -= counts
                    over = self._left < 0
                if over:
                    self.go()
                    return
                other.sendall(piece)
        for each in (one, other):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)


@pytest.mark.parametrize("name", ["worker", "runtime"])
def test_whoever_lost_the_broker_on_the_way_up_ends_when_asked(
    app: Flask, settings: Settings, tmp_path: Path, name: str
) -> None:
    def ends_without_it_after(pieces: int) -> bool:
        folder = tmp_path / str(pieces)
        folder.mkdir()
        broker = Losing(settings.redis_url, pieces)
        told = replace(settings, redis_url=broker.url, data_dir=folder, docker_host="none")
        with process(told, folder / "log", name) as started:
            # An idle one says no more than that it waits.
            broker.is_gone.wait(TRIES_SECONDS * 5)
            broker.go()
            time.sleep(TRIES_SECONDS)
            started.terminate()
            return not psutil.wait_procs([started], ENDS_SECONDS)[1]

    with ThreadPoolExecutor(SIDE_BY_SIDE) as doing:
        ended = dict(zip(PIECES, doing.map(ends_without_it_after, PIECES), strict=True))
    assert all(ended.values()), ended
