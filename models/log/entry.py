"""One entry with everything it holds, and which is the newest about something."""

import json
from collections.abc import Collection
from typing import Any, NamedTuple

from sqlalchemy import text

from models.database import read
from models.log.feed import CAUSED, COLUMNS, SHOWN, OrganisationName, Row, row_of


class Detail(NamedTuple):
    """What only the entry's own page shows."""

    door: str
    actor_role: str | None
    changes: dict[str, list[Any]]
    actor_email: str | None
    """Of a member of today; names can be alike, and change."""
    resource_id: int
    project_id: int | None
    previous: int | None
    """The number of the entry before it; of those that may be shown."""
    next: int | None


def entry_of(organisation: OrganisationName, number: int, money: bool = True) -> tuple[Row, Detail] | None:
    """Reads one entry with everything it holds; None when there is none, or none to be shown."""
    found = read(ONE, {"organisation": organisation.id, "number": number, "money": money})
    if not found:
        return None
    *columns, door, actor_role, email, resource_id, project_id, previous, following = found[0]
    row = row_of(organisation, columns)
    changes = json.loads(row.changes or "{}")
    return row, Detail(door, actor_role, changes, email, resource_id, project_id, previous, following)


def latest_change(organisation_id: int, noun: str, resource_id: int, field: str) -> int | None:
    """Finds the number of the newest entry that changed this field of a resource."""
    values = {"organisation": organisation_id, "noun": noun, "resource": resource_id, "field": field}
    found = read(LATEST_CHANGE, values)
    return int(found[0][0]) if found else None


def latest_number(organisation_id: int, noun: str, resource_id: int) -> int | None:
    """Finds the number of the newest entry about a resource; None where there is none."""
    found = read(LATEST_ENTRY, {"organisation": organisation_id, "noun": noun, "resource": resource_id})
    return int(found[0][0]) if found else None


def actors_of(organisation_id: int, numbers: Collection[int]) -> dict[int, int]:
    """Reads who acted, by the numbers of entries; those by "system" are left out."""
    return dict(read(ACTORS, {"organisation": organisation_id, "numbers": list(numbers)}))


def _beside(edge: str, order: str) -> str:
    """The nearest number on one side of an entry."""
    return f"""(SELECT number FROM activity_entries
             WHERE organisation_id = :organisation AND number {edge} :number {SHOWN}
             ORDER BY number {order} LIMIT 1)"""


ONE = text(f"""
    SELECT {COLUMNS}, {CAUSED}, door, actor_role,
           (SELECT users.email FROM memberships JOIN users ON users.id = memberships.user_id
             WHERE memberships.organisation_id = :organisation AND memberships.user_id = entry.actor_id),
           resource_id, project_id, {_beside("<", "DESC")}, {_beside(">", "ASC")}
      FROM activity_entries AS entry
     WHERE organisation_id = :organisation AND number = :number {SHOWN}
""")
ACTORS = text("""
    SELECT number, actor_id FROM activity_entries
     WHERE organisation_id = :organisation AND number = ANY(CAST(:numbers AS bigint[])) AND actor_id IS NOT NULL
""")
LATEST_ENTRY = text("""
    SELECT number FROM activity_entries
     WHERE organisation_id = :organisation AND resource_type = CAST(:noun AS activity_resource)
       AND resource_id = :resource
     ORDER BY number DESC LIMIT 1
""")
LATEST_CHANGE = text("""
    SELECT number FROM activity_entries
     WHERE organisation_id = :organisation AND resource_type = CAST(:noun AS activity_resource)
       AND resource_id = :resource AND jsonb_exists(changes, :field)
     ORDER BY number DESC LIMIT 1
""")
