"""Lists of what there was: resources that have ended, and all projects, the deleted ones too."""

from datetime import datetime
from functools import cache
from typing import NamedTuple

from sqlalchemy import TextClause, text

from models.database import read
from models.kinds.resource import Resource

LATEST = 2**31 - 1


class Ended(NamedTuple):
    """A resource that has ended, in a list of its kind."""

    id: int
    handle: str
    name: str
    ended_at: datetime


class AnyProject(NamedTuple):
    """A project in the list of all."""

    id: int
    handle: str
    name: str
    state: str
    ended_at: datetime | None


def ended_resources(
    kind: type[Resource], organisation_id: int, project_id: int, after: tuple[str, int] = ("", 0), size: int = 50
) -> list[Ended]:
    """Reads what has ended of one kind in a project, by handle, from behind a handle and an id.

    By handle, since that is how their index has them: one by time would have to be written by every cascade.
    """
    handle, id = after
    values = {"organisation": organisation_id, "project": project_id, "handle": handle, "id": id, "limit": size}
    return [Ended(*row) for row in read(query_of(kind), values)]


def all_projects(organisation_id: int, before: int = LATEST, size: int = 50) -> list[AnyProject]:
    """Reads the projects of an organisation, in every state, newest first, from below an id."""
    values = {"organisation": organisation_id, "before": before, "limit": size}
    return [AnyProject(*row) for row in read(PROJECTS, values)]


@cache
def query_of(kind: type[Resource]) -> TextClause:
    """Returns the statement that reads what has ended of one kind."""
    return text(f"""
        SELECT id, handle, {kind.called_by}, ended_at FROM {kind.plural}
         WHERE organisation_id = :organisation AND project_id = :project AND ended_at IS NOT NULL
           AND (handle, id) > (:handle, :id)
         ORDER BY handle, id LIMIT :limit
    """)


PROJECTS = text("""
    SELECT id, handle, name, state, ended_at FROM projects
     WHERE organisation_id = :organisation AND id < :before ORDER BY id DESC LIMIT :limit
""")
