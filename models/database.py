"""The connection to PostgreSQL, and what every table has in common."""

from flask import Flask
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import DeclarativeBase

from models.errors import DomainError

UNIQUE_VIOLATION = "23505"

# Nothing is read again after a commit: a page shows what was just written without asking for it.
db = SQLAlchemy(session_options={"expire_on_commit": False})


class Model(DeclarativeBase):
    """A table. Plain, because Flask-SQLAlchemy's own base is opaque to the type checker."""

    metadata = db.metadata


def connect(app: Flask, database_url: str) -> None:
    """Let `app` (the web's, or the bare one of a worker) use the database at a libpq URL."""
    app.config["SQLALCHEMY_DATABASE_URI"] = database_url.replace("postgresql://", "postgresql+psycopg://", 1)
    # pre-ping: after a restart of PostgreSQL the next request gets a fresh connection instead of an error.
    app.config["SQLALCHEMY_ENGINE_OPTIONS"] = {"pool_pre_ping": True, "pool_size": 5, "max_overflow": 5}
    db.init_app(app)


def add(thing: Model, taken: DomainError) -> None:
    """Insert now, so that its id is known. Raises `taken` when a unique value is in use already.

    Told apart by SQLSTATE: constraint names do not survive a sharded database.
    """
    db.session.add(thing)
    try:
        db.session.flush()
    except IntegrityError as error:
        if getattr(error.orig, "sqlstate", None) == UNIQUE_VIOLATION:
            raise taken from error
        raise
