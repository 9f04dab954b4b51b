"""What every page reads with: a connection of the thread's own."""

import threading
from typing import Any

import psycopg
from flask import Flask
from sqlalchemy import text

from models.database import READING, db, read
from models.settings import Settings

BACKEND = text("SELECT pg_backend_pid()")


def backend() -> int:
    """Which connection this thread reads with."""
    return int(read(BACKEND, {})[0][0])


def in_a_thread(app: Flask) -> int:
    """Which connection another thread reads with."""
    found: list[int] = []

    def ask() -> None:
        with app.app_context():
            found.append(backend())

    thread = threading.Thread(target=ask)
    thread.start()
    thread.join()
    return found[0]


def idle() -> int:
    """How many connections the pool has back."""
    pool: Any = db.engines[READING].pool
    return int(pool.checkedin())


def test_a_thread_reads_with_one_connection_of_its_own(app: Flask) -> None:
    assert backend() == backend() != in_a_thread(app)


def test_the_pool_has_the_connection_of_a_thread_back_that_ended(app: Flask) -> None:
    in_a_thread(app)
    before = idle()

    # Tests before this one may have left more than one connection, and the pool hands them out in turn.
    assert before >= 1
    assert len({in_a_thread(app) for _ in range(5)}) <= before
    assert idle() == before


def test_after_the_server_ended_a_connection_the_next_read_takes_another(
    app: Flask, superuser: psycopg.Connection, settings: Settings
) -> None:
    ended = backend()
    superuser.execute("SELECT pg_terminate_backend(%s, 5000)", [ended])

    assert backend() != ended
