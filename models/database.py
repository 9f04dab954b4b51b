"""The connection to PostgreSQL, and what every table has in common."""

import select
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

from flask import Flask
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import TextClause, event
from sqlalchemy.exc import DisconnectionError, IntegrityError
from sqlalchemy.orm import DeclarativeBase

from models.errors import DomainError
from models.patience import OF_WORK, Patience, PatientConnection
from models.settings import Settings

UNIQUE_VIOLATION = "23505"
READING = "reading"

# Nothing is read again after a commit: a page shows what was just written without asking for it.
db = SQLAlchemy(session_options={"expire_on_commit": False})


class Model(DeclarativeBase):
    """A table. Plain, because Flask-SQLAlchemy's own base is opaque to the type checker."""

    metadata = db.metadata


def attach(app: Flask, settings: Settings, patience: Patience = OF_WORK) -> None:
    """Let `app` (the web's, or the bare one of a worker) use the database."""
    url = settings.database_url.replace("postgresql://", "postgresql+psycopg://", 1)
    # The overflow is for the runtime process, which has many threads.
    # Errors are logged, and what a statement was given may be a password's hash or a person's address.
    pool = {"pool_size": 5, "max_overflow": 15, "hide_parameters": True}
    app.config["SQLALCHEMY_DATABASE_URI"] = url
    app.config["SQLALCHEMY_ENGINE_OPTIONS"] = pool
    app.config["SQLALCHEMY_BINDS"] = {
        READING: {
            "url": url,
            "isolation_level": "AUTOCOMMIT",
            "skip_autocommit_rollback": True,
            "pool_reset_on_return": None,
            **pool,
        }
    }
    db.init_app(app)
    with app.app_context():
        for engine in db.engines.values():
            event.listen(engine, "do_connect", _connector(patience))
            event.listen(engine, "checkout", _refuse_dead)


def _connector(patience: Patience) -> Callable[..., PatientConnection]:
    def connected(_dialect: Any, _record: Any, places: list[Any], given: dict[str, Any]) -> PatientConnection:
        connection = PatientConnection.connect(*places, **patience.arguments(given))
        connection.answer_seconds = patience.answer
        return connection

    return connected


def read(query: TextClause, values: dict[str, Any]) -> Sequence[Any]:
    """What a query finds, read outside the session: one round trip, without a BEGIN before and a ROLLBACK after it.

    For the paths that every page takes: SQLAlchemy keeps the connection and the driver does the rest, at half the
    cost of rows that know their columns. It sees what is committed, nothing of the transaction under way.
    """
    connection = db.engines[READING].raw_connection()
    try:
        driver: Any = connection.driver_connection
        found: Sequence[Any] = driver.execute(_for_driver(query), values).fetchall()
        return found
    finally:
        connection.close()


@cache
def _for_driver(query: TextClause) -> str:
    return str(query.compile(dialect=db.engines[READING].dialect))


def _refuse_dead(connection: Any, _record: Any, _proxy: Any) -> None:
    """After a restart of PostgreSQL the next request gets a fresh connection instead of an error.

    An idle connection on which there is something to read was closed from the other side. A look at the socket, where
    the pool's own ping is a round trip.
    """
    if connection.closed:
        raise DisconnectionError
    waiting = select.poll()
    waiting.register(connection.fileno(), select.POLLIN)
    if waiting.poll(0):
        raise DisconnectionError


def add(thing: Model, taken: DomainError) -> None:
    """Insert now, so that its id is known. Raises `taken` when a unique value is in use already.

    Recognised by its SQLSTATE rather than by the name of a constraint, which a sharded database would not keep.
    """
    db.session.add(thing)
    try:
        db.session.flush()
    except IntegrityError as error:
        if getattr(error.orig, "sqlstate", None) == UNIQUE_VIOLATION:
            raise taken from error
        raise
