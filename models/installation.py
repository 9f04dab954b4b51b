"""This installation: its identity on an engine that others use too, and what its worker last said of that engine."""

from datetime import datetime
from typing import NamedTuple

from sqlalchemy import text

from models.database import db, read

NO_ENGINE = "none"
REASON_MOST = 300


class Engine(NamedTuple):
    """What the runtime process last said of its engine."""

    engine: str | None
    """Its name and version, or NO_ENGINE where none is set up; None as long as nobody has reported."""
    error: str | None
    """Why the engine could not be reached; None when it answered."""
    seen_at: datetime | None


def identity() -> str:
    """Returns what tells this installation from others on the same engine. Call it inside `transaction()`."""
    if found := db.session.execute(IDENTITY).first():
        return str(found[0])
    # Whoever else makes it at this moment is waited for, and seen by the next statement alone.
    db.session.execute(MAKE_IDENTITY)
    return str(db.session.execute(IDENTITY).scalar_one())


def report(engine: str, now: datetime, error: str | None = None) -> None:
    """Write down which engine there is, and why it does not answer if it does not."""
    values = {"engine": engine, "error": error[:REASON_MOST] if error else None, "now": now}
    if db.session.execute(REPORT, values).first() is None:
        identity()
        db.session.execute(REPORT, values)


def engine() -> Engine:
    """Returns what was reported last."""
    found = read(ENGINE, {})
    return Engine(*found[0]) if found else Engine(None, None, None)


def is_looked_after() -> bool:
    """Whether a runtime process is connected, which makes the engine run what should run."""
    return bool(read(LOOKED_AFTER, {})[0][0])


IDENTITY = text("SELECT id FROM platform")
MAKE_IDENTITY = text("INSERT INTO platform DEFAULT VALUES ON CONFLICT DO NOTHING")
REPORT = text("UPDATE platform SET engine = :engine, engine_error = :error, engine_seen_at = :now RETURNING one")
ENGINE = text("SELECT engine, engine_error, engine_seen_at FROM platform")
# The name that `activity-log runtime` gives to its connections (web/cli/__init__.py).
LOOKED_AFTER = text("SELECT EXISTS (SELECT FROM pg_stat_activity WHERE application_name = 'activity-log runtime')")
