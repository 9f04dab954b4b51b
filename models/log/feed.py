"""The door out: the only place where entries are read. Keyset pages, one query each, plain rows."""

import base64
import json
from collections.abc import Mapping, Sequence
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
    caused: int | None = None
    """How many entries it set off; None where it set off none."""

    def __hash__(self) -> int:
        """Its place in the log: what a cache of rows looks them up by, without hashing every column."""
        return hash((self.organisation_id, self.number))


class Fold(NamedTuple):
    """A run of entries that follow each other and have the same cause, shown as one line that unfolds."""

    organisation_handle: str
    organisation_id: int
    first_number: int
    number: int
    """Of its newest entry."""
    occurred_at: datetime
    cause_number: int
    cause_actor: str
    cause_summary: str
    tally: tuple[tuple[str, int], ...]
    """How many of what, in all projects: ("terminated container", 41)."""
    partly: bool
    """Whether only part of it belongs to the feed."""

    @property
    def size(self) -> int:
        """How many entries it holds, in all projects."""
        return self.number - self.first_number + 1

    def __hash__(self) -> int:
        return hash((self.organisation_id, self.number))


Item = Row | Fold


class Page(NamedTuple):
    """Items, newest first; `older` is the cursor of what comes after them, None at the beginning of the log."""

    rows: Sequence[Item]
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


def of_run(scope: Scope, first_number: int) -> Scope:
    """The part of a feed that a fold holds, entry by entry. Raises ValueError for a feed that folds nothing."""
    if scope.condition not in FOLDED:
        raise ValueError(f"a feed of a {scope.condition} folds nothing")
    return scope._replace(condition=f"{scope.condition} run".strip(), values={**scope.values, "run": first_number})


def page(scope: Scope, before: int = LATEST, size: int = SIZE) -> Page:
    """The `size` entries before number `before`, newest first; fewer items where a run is folded.

    However long a run is, the next page begins below it.
    """
    found = _found(OLDER[scope.condition], scope, before, size + 1)
    if len(found) <= size:
        return Page(_items(scope, found), None)
    last = found[size - 1]
    return Page(_items(scope, found[:size]), str(last.run.first_number if _folds(last.run) else last.row.number))


def newer(scope: Scope, after: int, size: int = 4 * SIZE) -> list[Item]:
    """The `size` entries that follow number `after`, newest first."""
    return _items(scope, _found(NEWER[scope.condition], scope, after, size)[::-1])


def causes(scope: Scope, newer: Sequence[Item], after: int) -> list[Row]:
    """The entries up to number `after` that set off some of the newer ones: they have caused more than was shown."""
    numbers = {each.cause_number for each in newer if each.cause_number and each.cause_number <= after}
    if not numbers:
        return []
    found = read(THOSE, {"organisation": scope.organisation_id, "numbers": list(numbers)})
    return [Row(*scope.place, *row) for row in found]


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


def latest_change(organisation_id: int, resource_type: str, resource_id: int, field: str) -> int | None:
    """The number of the newest entry that changed this field of a resource."""
    values = {"organisation": organisation_id, "type": resource_type, "resource": resource_id, "field": field}
    found = read(LATEST_CHANGE, values)
    return int(found[0][0]) if found else None


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
    return Page(rows[:size], str(cursor_of(rows[size - 1])) if len(rows) > size else None)


def newer_of_person(user_id: int, places: Mapping[int, Place], after: Cursor, size: int = 4 * SIZE) -> list[Row]:
    """What someone did since `after`, newest first."""
    return _of_person(PERSON_NEWER, user_id, places, after, size)[::-1]


def cursor_of(row: Row) -> Cursor:
    """The place of a row in a person's feed."""
    return Cursor(row.occurred_at, row.organisation_id, row.number)


class _Run(NamedTuple):
    first_number: int | None  # of the run that the entry is in; None when it is in none
    last_number: int
    project_id: int | None
    tally: dict[str, int]
    cause_actor: str
    cause_summary: str


class _Found(NamedTuple):
    row: Row
    run: _Run


def _found(query: TextClause, scope: Scope, edge: int, limit: int) -> list[_Found]:
    values = {"organisation": scope.organisation_id, "edge": edge, "limit": limit, **scope.values}
    handle, name = scope.place
    return [_Found(Row(handle, name, *row[:WIDTH]), _Run(*row[WIDTH:])) for row in read(query, values)]


def _folds(run: _Run) -> bool:
    """Whether the run is one line; a short one is read faster than it is unfolded."""
    return run.first_number is not None and run.last_number - run.first_number >= FOLDED_LEAST


def _items(scope: Scope, found: list[_Found]) -> list[Item]:
    items: list[Item] = []
    for row, run in found:
        if not _folds(run):
            items.append(row)
        elif not items or not isinstance(items[-1], Fold) or items[-1].first_number != run.first_number:
            items.append(_fold(scope, row, run))
    return items


def _fold(scope: Scope, newest: Row, run: _Run) -> Fold:
    return Fold(
        newest.organisation_handle,
        newest.organisation_id,
        run.first_number or 0,
        run.last_number,
        newest.occurred_at,
        newest.cause_number or 0,
        run.cause_actor,
        run.cause_summary,
        tuple(run.tally.items()),
        partly=scope.condition == "project" and run.project_id != scope.values["project"],
    )


def _of_person(query: TextClause, user_id: int, places: Mapping[int, Place], edge: Cursor, limit: int) -> list[Row]:
    values = {"user": user_id, "organisations": list(places), "limit": limit, **edge._asdict()}
    return [Row(*places[row[0]], *row) for row in read(query, values)]


COLUMNS = """organisation_id, number, occurred_at, actor_id, actor_name, actor_role, action, resource_type,
           resource_id, resource_name, project_id, project_name, summary, cause_number"""
CAUSED = """(SELECT CAST(sum(last_number - first_number + 1) AS bigint) FROM activity_runs
             WHERE activity_runs.organisation_id = entry.organisation_id AND activity_runs.cause_number = entry.number
           ) AS caused"""
WIDTH = 15  # what a Row takes from the database: the columns above
OF_RUN = """AND number BETWEEN :run AND (
            SELECT last_number FROM activity_runs WHERE organisation_id = :organisation AND first_number = :run)"""
CONDITIONS = {
    "": "",
    "project": "AND project_id = :project",
    "resource": "AND resource_type = CAST(:type AS activity_resource) AND resource_id = :resource",
    "cause": "AND cause_number = :cause",
    "run": OF_RUN,
    "project run": f"AND project_id = :project {OF_RUN}",
}
# The history of one resource, what a cause set off and what a fold holds are shown entry by entry.
FOLDED = ("", "project")
FOLDED_LEAST = 10
# The run that an entry is in: the last one that begins at or before it, if it reaches so far. Entries without a cause
# are in none, and are not looked up.
ALONE = f"SELECT entry.*, {CAUSED}, NULL, NULL, NULL, NULL, NULL, NULL FROM entry"  # noqa: S608
WITH_RUN = f"""
    SELECT entry.*, {CAUSED}, run.first_number, run.last_number, run.project_id, run.tally, run.actor_name, run.summary
      FROM entry
      LEFT JOIN LATERAL (
        SELECT found.first_number, found.last_number, found.project_id, found.tally, cause.actor_name, cause.summary
          FROM (SELECT * FROM activity_runs
                 WHERE activity_runs.organisation_id = entry.organisation_id AND first_number <= entry.number
                   AND entry.cause_number IS NOT NULL
                 ORDER BY first_number DESC LIMIT 1) AS found
          JOIN activity_entries AS cause
            ON cause.organisation_id = found.organisation_id AND cause.number = found.cause_number
         WHERE found.last_number >= entry.number) AS run ON true
"""  # noqa: S608
# Only constants of this module are put into these texts; values travel as parameters.
# One row more than the page is asked for: that there are older ones is known without a COUNT.
OLDER = {
    name: text(f"""
    WITH entry AS MATERIALIZED (
        SELECT {COLUMNS} FROM activity_entries
         WHERE organisation_id = :organisation AND number < :edge {condition}
         ORDER BY number DESC LIMIT :limit)
    {WITH_RUN if name in FOLDED else ALONE} ORDER BY entry.number DESC
""")  # noqa: S608
    for name, condition in CONDITIONS.items()
}
NEWER = {
    name: text(f"""
    WITH entry AS MATERIALIZED (
        SELECT {COLUMNS} FROM activity_entries
         WHERE organisation_id = :organisation AND number > :edge {condition}
         ORDER BY number LIMIT :limit)
    {WITH_RUN if name in FOLDED else ALONE} ORDER BY entry.number
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
    SELECT {COLUMNS}, {CAUSED}, door, changes FROM activity_entries AS entry
     WHERE organisation_id = :organisation AND number = :number
""")  # noqa: S608
THOSE = text(f"""
    SELECT {COLUMNS}, {CAUSED} FROM activity_entries AS entry
     WHERE organisation_id = :organisation AND number = ANY(CAST(:numbers AS bigint[]))
""")  # noqa: S608
LATEST_CHANGE = text("""
    SELECT number FROM activity_entries
     WHERE organisation_id = :organisation AND resource_type = CAST(:type AS activity_resource)
       AND resource_id = :resource AND jsonb_exists(changes, :field)
     ORDER BY number DESC LIMIT 1
""")
HEAD = text("""
    SELECT COALESCE(sum(last_number), 0) FROM activity_heads WHERE organisation_id = ANY(:organisations)
""")
# A page from each organisation, merged: the cost grows with the organisations a person belongs to now, never with
# what they did in others they have left. Each part names one organisation, so it stays on one shard.
PERSON_OLDER = text(f"""
    SELECT entry.*, {CAUSED} FROM (
    SELECT found.* FROM unnest(CAST(:organisations AS integer[])) AS mine (id), LATERAL (
        SELECT {COLUMNS} FROM activity_entries
         WHERE organisation_id = mine.id AND actor_id = :user AND occurred_at <= :at
           AND (occurred_at, organisation_id, number) < (:at, :organisation_id, :number)
         ORDER BY occurred_at DESC, number DESC LIMIT :limit) AS found
     ORDER BY found.occurred_at DESC, found.organisation_id DESC, found.number DESC LIMIT :limit
    ) AS entry ORDER BY occurred_at DESC, organisation_id DESC, number DESC
""")  # noqa: S608
PERSON_NEWER = text(f"""
    SELECT entry.*, {CAUSED} FROM (
    SELECT found.* FROM unnest(CAST(:organisations AS integer[])) AS mine (id), LATERAL (
        SELECT {COLUMNS} FROM activity_entries
         WHERE organisation_id = mine.id AND actor_id = :user AND occurred_at >= :at
           AND (occurred_at, organisation_id, number) > (:at, :organisation_id, :number)
         ORDER BY occurred_at, number LIMIT :limit) AS found
     ORDER BY found.occurred_at, found.organisation_id, found.number LIMIT :limit
    ) AS entry ORDER BY occurred_at, organisation_id, number
""")  # noqa: S608
