"""The connection to PostgreSQL, and what every table has in common."""

import select
import threading
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

import psycopg
from flask import Flask
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import Engine, TextClause, event
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg
from sqlalchemy.exc import DisconnectionError, IntegrityError
from sqlalchemy.orm import DeclarativeBase
from sqlalchemy.pool import PoolProxiedConnection

from models.errors import DomainError
from models.patience import OF_WORK, Patience, PatientConnection
from models.settings import Settings

UNIQUE_VIOLATION = "23505"
READING = "reading"
# More than our own statements and the searches that are under way.
COMPILED_MOST = 1000
# A page walks an index, in order, to the few rows it needs. To collect all rows first and sort them looks as good where
# statistics speak of the usual thing, and is a disaster for the one that has a million entries.
IN_ORDER = "-c enable_bitmapscan=off"
POOL, POOL_OF_WORK, POOL_MOST = 5, 2, 20

NUMBERED = PGDialect_psycopg(paramstyle="numeric_dollar")  # type: ignore[no-untyped-call]

# Nothing is read again after a commit: a page shows what was just written without asking for it.
db = SQLAlchemy(session_options={"expire_on_commit": False})


class Model(DeclarativeBase):
    """A table. Plain, because Flask-SQLAlchemy's own base is opaque to the type checker."""

    metadata = db.metadata


def attach(app: Flask, settings: Settings, patience: Patience = OF_WORK) -> None:
    """Let `app` (the web's, or the bare one of a worker) use the database."""
    url = settings.database_url.replace("postgresql://", "postgresql+psycopg://", 1)
    # Each connection is a process of PostgreSQL, and a worker that is idle keeps few. The overflow is for the runtime
    # process, which has many threads.
    size = POOL_OF_WORK if patience is OF_WORK else POOL
    # Errors are logged, and what a statement was given may be a password's hash or a person's address.
    pool = {"pool_size": size, "max_overflow": POOL_MOST - size, "hide_parameters": True}
    app.config["SQLALCHEMY_DATABASE_URI"] = url
    app.config["SQLALCHEMY_ENGINE_OPTIONS"] = pool
    app.config["SQLALCHEMY_BINDS"] = {
        READING: {
            "url": url,
            "isolation_level": "AUTOCOMMIT",
            "skip_autocommit_rollback": True,
            "pool_reset_on_return": None,
            **pool,
            # A thread keeps its own.
            "max_overflow": -1,
            "connect_args": {"options": IN_ORDER},
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

    For the paths that every page takes: the driver does it all, at half the cost of rows that know their columns. It
    sees what is committed, nothing of the transaction under way.
    """
    asked, names = _for_driver(query)
    cursor = _reader.cursor(db.engines[READING])
    found: Sequence[Any] = cursor.execute(asked, [values[name] for name in names]).fetchall()
    return found


class _Reader(threading.local):
    """The connection that a thread reads with, for as long as the thread lives; then the pool has it back.

    The pool is not asked several times a page: that costs as much as a query.
    """

    _engine: Engine | None = None
    _connection: PoolProxiedConnection | None = None
    _cursor: Any = None

    def cursor(self, engine: Engine) -> Any:
        """Returns the cursor of this thread's connection, of a new one if that is dead."""
        if self._connection is not None and _is_dead(self._cursor.connection):
            self._connection.invalidate()
            self._engine = self._connection = None
        if self._engine is not engine:
            self._engine, self._connection = engine, engine.raw_connection()
            # It sends a query as it is: others look for its parameters each time when it is long.
            self._cursor = psycopg.RawCursor(self._connection.driver_connection)  # type: ignore[arg-type]
        return self._cursor

    def give_back(self) -> None:
        """The pool has the connection again; the next read asks for one."""
        if self._connection is not None:
            self._connection.close()
            self._engine = self._connection = self._cursor = None


_reader = _Reader()


def stop_reading() -> None:
    """Give back what this thread reads with, when it reads seldom: each connection is a process of PostgreSQL."""
    _reader.give_back()


@lru_cache(maxsize=COMPILED_MOST)
def _for_driver(query: TextClause) -> tuple[bytes, Sequence[str]]:
    """The query with numbers for its parameters, and their names in that order."""
    compiled: Any = query.compile(dialect=NUMBERED)
    return str(compiled).encode(), compiled.positiontup or ()


def _refuse_dead(connection: Any, _record: Any, _proxy: Any) -> None:
    """After a restart of PostgreSQL the next request gets a fresh connection instead of an error."""
    if _is_dead(connection):
        raise DisconnectionError


def _is_dead(connection: Any) -> bool:
    """Whether an idle connection was closed, which is so if there is something to read.

    A look at the socket, where the pool's own ping is a round trip.
    """
    if connection.closed:
        return True
    waiting = select.poll()
    waiting.register(connection.fileno(), select.POLLIN)
    return bool(waiting.poll(0))


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
