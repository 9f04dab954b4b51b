"""Failed deployments that people are yet to be told of, each once."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import cache
from typing import NamedTuple

from sqlalchemy import TextClause, text

from models.database import db
from models.jobs.observation import TABLES

# One mail says what has failed since the one before, however much that is: nobody gets more than twelve an hour.
PAUSE = timedelta(minutes=5)
# Whoever sets up mail later is not told of the past.
OLDEST = timedelta(days=1)


class Failure(NamedTuple):
    """A deployment that has failed, as its mail tells it."""

    noun: str
    handle: str
    name: str
    project_handle: str
    project_name: str
    what: str
    reason: str
    cause_number: int


def organisations_to_tell(now: datetime) -> list[int]:
    """Returns the organisations in which deployments have failed, unless they were told of others just before."""
    return list(db.session.scalars(TO_TELL, {"since": now - PAUSE}))


def take_untold(organisation_id: int, now: datetime) -> list[Failure]:
    """Returns the failures that nobody was told of, and counts them as told; of two who ask at once one gets each."""
    values = {"organisation": organisation_id, "now": now, "since": now - OLDEST}
    return list(_found(values))


def _found(values: dict[str, object]) -> Iterator[Failure]:
    for noun in TABLES:
        for row in db.session.execute(_take(noun), {**values, "noun": noun}):
            yield Failure(noun, *row)


@cache
def _take(noun: str) -> TextClause:
    return text(f"""
        WITH told AS (
            UPDATE deployments SET told_at = :now
             WHERE organisation_id = :organisation AND noun = :noun AND status = 'error' AND told_at IS NULL
         RETURNING organisation_id, resource_id, revision, what, reason, cause_number, ended_at
        )
        SELECT thing.handle, thing.name, projects.handle, projects.name, what, reason, cause_number
          FROM told
          JOIN {TABLES[noun]} AS thing ON thing.organisation_id = told.organisation_id AND thing.id = resource_id
          JOIN projects ON projects.organisation_id = thing.organisation_id AND projects.id = project_id
         WHERE told.ended_at > :since AND thing.ended_at IS NULL
         ORDER BY told.ended_at, resource_id
    """)


TO_TELL = text("""
    SELECT DISTINCT organisation_id FROM deployments
     WHERE status = 'error' AND told_at IS NULL
       AND NOT EXISTS (SELECT FROM deployments AS other
                        WHERE other.organisation_id = deployments.organisation_id AND other.told_at > :since)
     ORDER BY organisation_id
""")
