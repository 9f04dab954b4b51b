"""Where to find what an entry speaks of, which may have ended or been deleted since."""

from functools import cache
from typing import NamedTuple

from sqlalchemy import TextClause, text

from models.database import read
from models.kinds.catalogue import BY_NOUN


class Whereabouts(NamedTuple):
    """Handles of what an entry speaks of, as its address needs them; None of what has no page of its own."""

    project: str | None = None
    project_state: str | None = None
    handle: str | None = None
    has_ended: bool = False


def whereabouts(organisation_id: int, project_id: int | None, noun: str, resource_id: int) -> Whereabouts:
    """Finds the project of an entry, and its resource."""
    if project_id is None:
        return Whereabouts()
    values = {"organisation": organisation_id, "project": project_id, "id": resource_id}
    found = read(_of(noun), values)
    return Whereabouts(*found[0]) if found else Whereabouts()


@cache
def _of(noun: str) -> TextClause:
    table = BY_NOUN[noun].plural if noun in BY_NOUN else None
    thing = "thing.handle, thing.ended_at IS NOT NULL" if table else "CAST(NULL AS text), false"
    join = f"LEFT JOIN {table} AS thing ON thing.organisation_id = :organisation AND thing.id = :id" if table else ""
    return text(f"""
        SELECT projects.handle, projects.state, {thing} FROM projects {join}
         WHERE projects.organisation_id = :organisation AND projects.id = :project
    """)
