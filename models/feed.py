"""The door out: the only place where entries are read. Keyset pages, one query each, plain rows."""

import base64
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple

from sqlalchemy import TextClause, text

from models.database import read

SIZE = 50
LATEST = 2**63 - 1
# How many new entries are counted before we only say "more than".
COUNTED = 100


class Place(NamedTuple):
    """An organisation as a row names it."""

    handle: str
    name: str


class Row(NamedTuple):
    """An entry as feeds show it."""

    organisation_handle: str
    organisation_name: str
    organisation_id: int
    number: int
    occurred_at: datetime
    actor_id: int | None
    actor_name: str
    actor_role: str | None
    action: str
    resource_type: str
    resource_id: int
    resource_name: str
    project_id: int | None
    project_name: str | None
    summary: str
    cause_number: int | None

    def __hash__(self) -> int:
        """Its place in the log: what a cache of rows looks them up by, without hashing every column."""
        return hash((self.organisation_id, self.number))


class Page(NamedTuple):
    """Entries, newest first; `older` is the cursor of what comes after them, None at the beginning of the log."""

    rows: list[Row]
    older: str | None


class Detail(NamedTuple):
    """What only the entry's own page shows."""

    door: str
    changes: dict[str, list[Any]]


class Scope(NamedTuple):
    """Which entries of one organisation a feed shows."""

    organisation_id: int
    place: Place
    condition: str = ""
    values: Mapping[str, Any] = {}


def whole(organisation_id: int, place: Place) -> Scope:
    """All entries of the organisation."""
    return Scope(organisation_id, place)


def of_project(organisation_id: int, place: Place, project_id: int) -> Scope:
    """The entries about a project and what is in it."""
    return Scope(organisation_id, place, "project", {"project": project_id})


def of_resource(organisation_id: int, place: Place, resource_type: str, resource_id: int) -> Scope:
    """The history of one resource; by id, since handles are free again after the end."""
    return Scope(organisation_id, place, "resource", {"type": resource_type, "resource": resource_id})


def of_cause(organisation_id: int, place: Place, number: int) -> Scope:
    """What an entry set off."""
    return Scope(organisation_id, place, "cause", {"cause": number})


def page(scope: Scope, before: int = LATEST, size: int = SIZE) -> Page:
    """The `size` entries before number `before`, newest first."""
    rows = _rows(OLDER[scope.condition], scope, before, size + 1)
    return Page(rows[:size], str(rows[size - 1].number) if len(rows) > size else None)


def newer(scope: Scope, after: int, size: int = 4 * SIZE) -> list[Row]:
    """The `size` entries that follow number `after`, newest first."""
    return _rows(NEWER[scope.condition], scope, after, size)[::-1]


def count_newer(scope: Scope, after: int) -> int:
    """How many entries follow number `after`, at most COUNTED."""
    if not scope.condition:
        # Numbers have no gaps: the difference is the count.
        return min(COUNTED, max(0, head(scope.organisation_id) - after))
    values = {"organisation": scope.organisation_id, "edge": after, "limit": COUNTED, **scope.values}
    return int(read(COUNT[scope.condition], values)[0][0])


def head(organisation_id: int) -> int:
    """The number of the newest entry: what tells that a feed is still fresh."""
    return heads([organisation_id])


def heads(organisation_ids: list[int]) -> int:
    """The same for several organisations: grows with every entry in any of them."""
    return int(read(HEAD, {"organisations": organisation_ids})[0][0])


def entry(scope: Scope, number: int) -> tuple[Row, Detail] | None:
    """One entry with everything it holds."""
    found = read(ONE, {"organisation": scope.organisation_id, "number": number})
    if not found:
        return None
    *columns, door, changes = found[0]
    return Row(*scope.place, *columns), Detail(door, changes or {})


class Cursor(NamedTuple):
    """A place in a person's feed, which runs over several organisations: by time, then by entry."""

    at: datetime
    organisation_id: int
    number: int

    def __str__(self) -> str:
        fields = [
            int(self.at.timestamp()) * 1_000_000 + self.at.microsecond,
            self.organisation_id,
            self.number,
        ]
        return base64.urlsafe_b64encode(json.dumps(fields).encode()).decode().rstrip("=")

    @classmethod
    def parse(cls, given: str) -> "Cursor":
        """The cursor from its text. Raises ValueError."""
        try:
            micros, organisation_id, number = map(int, json.loads(base64.urlsafe_b64decode(given + "==")))
            at = datetime.fromtimestamp(micros // 1_000_000, UTC).replace(microsecond=micros % 1_000_000)
        except (ValueError, TypeError, OverflowError, OSError, RecursionError) as error:
            raise ValueError(f"not a cursor: {given!r}") from error
        if not (0 <= organisation_id < 2**31 and 0 <= number < 2**63):
            raise ValueError(f"not a cursor: {given!r}")
        return cls(at, organisation_id, number)


FIRST = Cursor(datetime(9999, 1, 1, tzinfo=UTC), 2**31 - 1, LATEST)
BEGINNING = Cursor(datetime(1970, 1, 1, tzinfo=UTC), 0, 0)


def of_person(user_id: int, places: Mapping[int, Place], before: Cursor = FIRST, size: int = SIZE) -> Page:
    """What someone did in the organisations they belong to now (`places`, by id), newest first."""
    rows = _of_person(PERSON_OLDER, user_id, places, before, size + 1)
    if len(rows) <= size:
        return Page(rows, None)
    return Page(rows[:size], str(cursor_of(rows[size - 1])))


def newer_of_person(user_id: int, places: Mapping[int, Place], after: Cursor, size: int = 4 * SIZE) -> list[Row]:
    """What someone did since `after`, newest first."""
    return _of_person(PERSON_NEWER, user_id, places, after, size)[::-1]


def cursor_of(row: Row) -> Cursor:
    """The place of a row in a person's feed."""
    return Cursor(row.occurred_at, row.organisation_id, row.number)


def _rows(query: TextClause, scope: Scope, edge: int, limit: int) -> list[Row]:
    values = {"organisation": scope.organisation_id, "edge": edge, "limit": limit, **scope.values}
    handle, name = scope.place
    return [Row(handle, name, *row) for row in read(query, values)]


def _of_person(query: TextClause, user_id: int, places: Mapping[int, Place], edge: Cursor, limit: int) -> list[Row]:
    values = {"user": user_id, "organisations": list(places), "limit": limit, **edge._asdict()}
    return [Row(*places[row[0]], *row) for row in read(query, values)]


COLUMNS = """organisation_id, number, occurred_at, actor_id, actor_name, actor_role, action, resource_type,
           resource_id, resource_name, project_id, project_name, summary, cause_number"""
CONDITIONS = {
    "": "",
    "project": "AND project_id = :project",
    "resource": "AND resource_type = CAST(:type AS activity_resource) AND resource_id = :resource",
    "cause": "AND cause_number = :cause",
}
# Only constants of this module are put into these texts; values travel as parameters.
# One row more than the page is asked for: that there are older ones is known without a COUNT.
OLDER = {
    name: text(f"""
    SELECT {COLUMNS} FROM activity_entries
     WHERE organisation_id = :organisation AND number < :edge {condition}
     ORDER BY number DESC LIMIT :limit
""")  # noqa: S608
    for name, condition in CONDITIONS.items()
}
NEWER = {
    name: text(f"""
    SELECT {COLUMNS} FROM activity_entries
     WHERE organisation_id = :organisation AND number > :edge {condition}
     ORDER BY number LIMIT :limit
""")  # noqa: S608
    for name, condition in CONDITIONS.items()
}
COUNT = {
    name: text(f"""
    SELECT count(*) FROM (
        SELECT 1 FROM activity_entries
         WHERE organisation_id = :organisation AND number > :edge {condition}
         LIMIT :limit) AS newer
""")  # noqa: S608
    for name, condition in CONDITIONS.items()
}
ONE = text(f"""
    SELECT {COLUMNS}, door, changes FROM activity_entries
     WHERE organisation_id = :organisation AND number = :number
""")  # noqa: S608
HEAD = text("""
    SELECT COALESCE(sum(last_number), 0) FROM activity_heads WHERE organisation_id = ANY(:organisations)
""")
# A page from each organisation, merged: the cost grows with the organisations a person belongs to now, never with
# what they did in others they have left. Each part names one organisation, so it stays on one shard.
PERSON_OLDER = text(f"""
    SELECT found.* FROM unnest(CAST(:organisations AS integer[])) AS mine (id), LATERAL (
        SELECT {COLUMNS} FROM activity_entries
         WHERE organisation_id = mine.id AND actor_id = :user AND occurred_at <= :at
           AND (occurred_at, organisation_id, number) < (:at, :organisation_id, :number)
         ORDER BY occurred_at DESC, number DESC LIMIT :limit) AS found
     ORDER BY found.occurred_at DESC, found.organisation_id DESC, found.number DESC LIMIT :limit
""")  # noqa: S608
PERSON_NEWER = text(f"""
    SELECT found.* FROM unnest(CAST(:organisations AS integer[])) AS mine (id), LATERAL (
        SELECT {COLUMNS} FROM activity_entries
         WHERE organisation_id = mine.id AND actor_id = :user AND occurred_at >= :at
           AND (occurred_at, organisation_id, number) > (:at, :organisation_id, :number)
         ORDER BY occurred_at, number LIMIT :limit) AS found
     ORDER BY found.occurred_at, found.organisation_id, found.number LIMIT :limit
""")  # noqa: S608
