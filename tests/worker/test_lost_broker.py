"""A worker whose broker is gone waits for it, and ends when it is asked to, however far it had come."""

import math
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from functools import partial
from itertools import chain, count
from pathlib import Path
from urllib.parse import urlsplit

import psutil
import psycopg
import pytest
from flask import Flask
from redis import Redis

from models.settings import Settings
from tests.support.processes import alive, kill, process, until
from tests.support.servers import Servers
from tests.support.together import WAITING
from worker.publisher import FIND_DUE, QUEUE, RECONCILE, RUNTIME_QUEUE, publisher, send

# How much a worker says to its broker until it is ready, in pieces; at each of them it may be lost.
PIECES = range(10, 34, 2)
SIDE_BY_SIDE = 4
# It tries to get back to it by then.
TRIES_SECONDS = 3
# A process beside it whose last result nobody reads any more ends after 30 s by itself (billiard/pool.py).
ENDS_SECONDS = 40
APART_SECONDS = 0.3
LATER_SECONDS = 600


class Losing:
    """Stands between a process and its broker, and is gone after so many pieces of what the process says."""

    def __init__(self, redis_url: str, pieces: float = math.inf) -> None:
        self._real = urlsplit(redis_url)
        self._left = pieces
        self._open: list[tuple[socket.socket, socket.socket]] = []
        self._lock = threading.Lock()
        self.is_gone = threading.Event()
        self._port = 0
        self.come()
        here = f"{self._real.netloc.rpartition(':')[0]}:{self._port}"
        self.url = self._real._replace(netloc=here).geturl()

    @property
    def connections(self) -> int:
        """How many there were since it came."""
        return len(self._open)

    def come(self) -> None:
        """Let everybody through, where it was before."""
        self.is_gone.clear()
        self._open = []
        self._listening = socket.create_server(("127.0.0.1", self._port))
        self._port = self._listening.getsockname()[1]
        threading.Thread(target=self._accept, args=(self._listening,), daemon=True).start()

    def go(self, first: int = 0, apart_seconds: float = 0) -> None:
        """Close everything; nobody gets through any more. One of the connections is closed before the others."""
        self.is_gone.set()
        _close(self._listening)
        with self._lock:
            _close(*chain(*self._open[first : first + 1]))
            time.sleep(apart_seconds)
            _close(*chain(*self._open))

    def _accept(self, listening: socket.socket) -> None:
        with suppress(OSError):
            while True:
                client = listening.accept()[0]
                server = socket.create_connection((self._real.hostname, self._real.port))
                with self._lock:
                    self._open.append((client, server))
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


def _close(*sockets: socket.socket) -> None:
    for each in sockets:
        with suppress(OSError):
            each.shutdown(socket.SHUT_RDWR)
        each.close()


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


def test_a_worker_lives_on_whichever_of_its_connections_is_lost_first(
    app: Flask, settings: Settings, tmp_path: Path
) -> None:
    redis = Redis.from_url(settings.redis_url)
    broker = Losing(settings.redis_url)
    with process(replace(settings, redis_url=broker.url), tmp_path / "log", "worker") as started:

        def holds(messages: int) -> bool:
            later = [each for each in redis.hvals("unacked") if b'"eta": null' not in each]
            return len(later) == messages

        for first in count():
            # It has one in hand that it must give back, and cannot.
            assert send(publisher(settings.redis_url), FIND_DUE, QUEUE, after=LATER_SECONDS)
            until(partial(holds, first + 1), tmp_path / "log", over=lambda: not alive([started]))
            if first >= broker.connections:
                break
            broker.go(first, APART_SECONDS)
            time.sleep(TRIES_SECONDS)
            broker.come()
    assert first > 0


@pytest.mark.parametrize("back_before_they_end", [False, True])
@pytest.mark.parametrize(("name", "busy", "hands"), [("worker", 1, 2), ("worker", 2, 2), ("runtime", 1, 1)])
def test_whoever_was_busy_when_the_broker_was_lost_takes_messages_again(
    app: Flask,
    settings: Settings,
    servers: Servers,
    superuser: psycopg.Connection,
    tmp_path: Path,
    name: str,
    busy: int,
    hands: int,
    back_before_they_end: bool,
) -> None:
    task, queue = {"worker": (FIND_DUE, QUEUE), "runtime": (RECONCILE, RUNTIME_QUEUE)}[name]
    redis = Redis.from_url(settings.redis_url)
    broker = Losing(settings.redis_url)
    told = replace(settings, redis_url=broker.url, data_dir=tmp_path, docker_host="none")
    log = tmp_path / "log"
    with psycopg.connect(servers.superuser_url) as held:
        # What the tasks read or write first.
        held.execute("LOCK TABLE jobs, platform")
        with process(told, log, name, "--concurrency", str(hands)) as started:
            # Each sends one to itself at its start.
            for _ in range(busy - 1):
                assert send(publisher(settings.redis_url), task, queue)
            until(lambda: superuser.execute(WAITING).fetchone() == (busy,), log, lambda: not alive([started]))
            broker.go()
            time.sleep(TRIES_SECONDS)
            if back_before_they_end:
                broker.come()
                time.sleep(TRIES_SECONDS)
            held.rollback()
            until(lambda: superuser.execute(WAITING).fetchone() == (0,), log)
            time.sleep(TRIES_SECONDS)
            if not back_before_they_end:
                broker.come()
            for _ in range(hands):
                assert send(publisher(settings.redis_url), task, queue)
            until(lambda: redis.llen(queue) == 0, log, lambda: not alive([started]))
            # How it ends is no matter here, and may take long.
            kill([started, *started.children(recursive=True)])
