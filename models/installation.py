"""This installation: its identity on an engine that others use too, and what its worker last said of that engine."""

from datetime import UTC, datetime
from typing import NamedTuple

from sqlalchemy import text

from models.database import db, read

NO_ENGINE = "none"
REASON_MOST = 300


class Engine(NamedTuple):
    """What the worker last reported."""

    engine: str | None
    """Its name and version, NO_ENGINE where none is set up; None while no worker has reported."""
    error: str | None
    """Why it could not be reached."""
    seen_at: datetime | None


def identity() -> str:
    """Returns what tells this installation from others on the same engine. Call it inside `transaction()`."""
    return str(db.session.execute(IDENTITY).scalar_one())


def report(engine: str, error: str | None = None) -> None:
    """Say which engine there is, and whether it answers."""
    identity()
    told = error[:REASON_MOST] if error else None
    db.session.execute(REPORT, {"engine": engine, "error": told, "now": datetime.now(UTC)})


def engine() -> Engine:
    """What was reported last."""
    found = read(ENGINE, {})
    return Engine(*found[0]) if found else Engine(None, None, None)


IDENTITY = text("""
    WITH made AS (INSERT INTO platform DEFAULT VALUES ON CONFLICT DO NOTHING RETURNING id)
    SELECT id FROM made UNION ALL SELECT id FROM platform
""")
REPORT = text("UPDATE platform SET engine = :engine, engine_error = :error, engine_seen_at = :now")
ENGINE = text("SELECT engine, engine_error, engine_seen_at FROM platform")
