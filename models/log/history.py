"""What a resource was after an entry, read from the log alone.

Each entry tells the old and the new value of what it changed, so the newest change of a field up to that entry tells
what the field was then. Nothing is guessed: where no entry tells a value, the answer says so.
"""

import json
from collections.abc import Collection, Mapping
from enum import Enum, auto
from typing import Any, NamedTuple

from sqlalchemy import text

from models.database import read
from models.field import Field, Logged, Shape
from models.log.feed import CAUSED, COLUMNS, STORED, OrganisationName, Row, row_of
from models.log.record import PAST, Action
from models.log.tracked import Tracked

# How many entries of one resource a request looks at, so that the longest history costs no more than that.
LOOKED_MOST = 5_000
STATE = "state"
ACTIVE = "active"


class Told(Enum):
    """What the log knows of a field as it was after an entry."""

    VALUE = auto()
    """An entry tells its value."""
    EMPTY = auto()
    """It was created without a value, and no entry has given it one."""
    SEALED = auto()
    """Entries tell that it changed; its values are in no entry."""
    UNRECORDED = auto()
    """No entry tells it: those of an earlier version may say less."""
    BEYOND = auto()
    """None of the entries that were looked at tells it, and there are older ones."""


class Kept(NamedTuple):
    """A field of a resource, as the log keeps it."""

    told: Told
    value: Any = None
    number: int | None = None
    """Of the entry that gave it its value; None where it is not known."""

    @property
    def is_known(self) -> bool:
        """Whether its value is known."""
        return self.told in (Told.VALUE, Told.EMPTY)


class Rebuilt(NamedTuple):
    """A resource as it was after an entry."""

    number: int
    """Of the newest entry about it then."""
    latest: int
    """Of the newest entry about it now."""
    state: str | None
    """active, suspended, terminated or deleted; None where the entries that were looked at do not tell."""
    has_ended: bool
    fields: Mapping[str, Kept]
    looked_to: int | None
    """Of the oldest entry that was looked at, where there are older ones."""

    @property
    def values(self) -> dict[str, Any]:
        """The values that are known, by field."""
        return {name: kept.value for name, kept in self.fields.items() if kept.is_known}

    @property
    def is_latest(self) -> bool:
        """Whether no entry about it has followed."""
        return self.number == self.latest


class _Change(NamedTuple):
    number: int
    values: list[Any]
    """Old and new value; of a sealed field, one word."""


class _Looked(NamedTuple):
    """What was found on the way back from an entry."""

    newest: dict[str, _Change]
    """The newest change of each field."""
    is_whole: bool
    """Whether the way led to the first entry."""
    created: dict[str, list[Any]] | None
    """What the first entry told; None where it tells nothing, or is no creation."""


def state_after(tracked: type[Tracked], organisation_id: int, resource_id: int, number: int) -> Rebuilt | None:
    """Returns what a resource was after an entry of its organisation; None before it was created.

    The entry may be about something else: then it is the one before it that counts.
    """
    values = {"organisation": organisation_id, "noun": tracked.noun, "resource": resource_id, "number": number}
    found = read(BACK, {**values, "most": LOOKED_MOST})
    if not found or found[0][0] is None:
        return None
    last, oldest, latest, end, changes, first, first_action, first_changes = found[0]
    newest = {name: _Change(*change) for name, change in json.loads(changes or "{}").items()}
    told_at_first = json.loads(first_changes) if first_changes and first_action == Action.CREATE else None
    looked = _Looked(newest, oldest == first, told_at_first)
    fields = {name: _kept(name, declared, looked) for name, declared in tracked.fields().items()}
    missing = [name for name, kept in fields.items() if kept.told in (Told.UNRECORDED, Told.BEYOND)]
    state = _state(end, looked)
    if missing or state is None:
        later = _told_later(values, [*missing, STATE])
        fields |= {name: Kept(Told.VALUE, later[name]) for name in missing if name in later}
        state = state or later.get(STATE)
    looked_to = None if looked.is_whole else oldest
    return Rebuilt(last, latest, state, end is not None, fields, looked_to)


def among(
    organisation: OrganisationName, things: Collection[tuple[str, int]], after: int, until: int, size: int, money: bool
) -> list[Row]:
    """Reads the newest entries about some things, each a noun and an id, from behind one entry up to another.

    `money`: whether what they caused is counted with the entries about billing.
    """
    nouns, ids = zip(*things, strict=True)
    span = {"organisation": organisation.id, "after": after, "until": until, "limit": size, "money": money}
    found = read(AMONG, {**span, "nouns": list(nouns), "ids": list(ids)})
    return [row_of(organisation, row) for row in found]


def latest_caused(organisation_id: int, noun: str, resource_id: int, cause: int) -> int | None:
    """Finds the number of the newest entry about a resource that another entry set off."""
    values = {"organisation": organisation_id, "noun": noun, "resource": resource_id, "cause": cause}
    found = read(LATEST_CAUSED, {**values, "most": LOOKED_MOST})
    return int(found[0][0]) if found else None


def _kept(name: str, declared: Field, looked: _Looked) -> Kept:
    change = looked.newest.get(name)
    if declared.logged is Logged.FACT:
        return Kept(Told.SEALED, number=change and change.number)
    if change is not None and len(change.values) == 2:
        return Kept(Told.VALUE, change.values[1], change.number)
    if not looked.is_whole:
        return Kept(Told.BEYOND)
    # A creation tells every value that it sets.
    if looked.created is not None and not declared.required:
        return Kept(Told.EMPTY, _empty(declared))
    return Kept(Told.UNRECORDED)


def _empty(declared: Field) -> Any:
    match declared.shape:
        case Shape.REFERENCES:
            return []
        case Shape.REFERENCE:
            return None
        case _:
            return ""


def _state(end: str | None, looked: _Looked) -> str | None:
    if end is not None:
        return PAST[Action(end)]
    if STATE in looked.newest:
        state: str = looked.newest[STATE].values[1]
        return state
    return ACTIVE if looked.is_whole else None


def _told_later(values: dict[str, Any], names: Collection[str]) -> dict[str, Any]:
    """Reads what later entries say that the value of a field was before they changed it."""
    found = read(ON, {**values, "names": list(names), "most": LOOKED_MOST})
    changes = {name: json.loads(change) for name, change in found}
    return {name: change[0] for name, change in changes.items() if len(change) == 2}


OF_ONE = """organisation_id = :organisation AND resource_type = CAST(:noun AS activity_resource)
             AND resource_id = :resource"""
# One pass over the way back: a walk for each field would read the whole way once for each that has never changed.
BACK = text(f"""
    WITH looked AS MATERIALIZED (
        SELECT number, action, changes FROM activity_entries
         WHERE {OF_ONE} AND number <= :number
         ORDER BY number DESC LIMIT :most
    ), newest AS (
        SELECT name, max(number) AS number FROM looked, jsonb_object_keys(changes) AS name GROUP BY name)
    SELECT (SELECT max(number) FROM looked), (SELECT min(number) FROM looked),
           (SELECT number FROM activity_entries WHERE {OF_ONE} ORDER BY number DESC LIMIT 1),
           (SELECT action FROM looked WHERE action IN ('delete', 'terminate') LIMIT 1),
           (SELECT CAST(jsonb_object_agg(name, jsonb_build_array(newest.number, entry.changes -> name)) AS text)
              FROM newest JOIN activity_entries AS entry
                ON entry.organisation_id = :organisation AND entry.number = newest.number),
           first.number, first.action, CAST(first.changes AS text)
      FROM (SELECT number, action, changes FROM activity_entries WHERE {OF_ONE} ORDER BY number LIMIT 1) AS first
""")
ON = text(f"""
    WITH looked AS MATERIALIZED (
        SELECT number, changes FROM activity_entries
         WHERE {OF_ONE} AND number > :number
         ORDER BY number LIMIT :most)
    SELECT name, CAST(changes -> name AS text)
      FROM (SELECT name, min(number) AS number FROM looked, jsonb_object_keys(changes) AS name
             WHERE name = ANY(CAST(:names AS text[])) GROUP BY name) AS first
      JOIN activity_entries AS entry ON entry.organisation_id = :organisation AND entry.number = first.number
""")
# Walked down for each thing, and merged: a condition that named them all would read everything in between.
AMONG = text(f"""
    SELECT {COLUMNS}, {CAUSED}
      FROM unnest(CAST(:nouns AS text[]), CAST(:ids AS bigint[])) AS thing (noun, id)
     CROSS JOIN LATERAL (
        SELECT organisation_id, {STORED} FROM activity_entries
         WHERE organisation_id = :organisation AND resource_type = CAST(thing.noun AS activity_resource)
           AND resource_id = thing.id AND number > :after AND number <= :until
         ORDER BY number DESC LIMIT :limit) AS entry
     ORDER BY number DESC LIMIT :limit
""")
LATEST_CAUSED = text(f"""
    SELECT number FROM (
        SELECT number, cause_number FROM activity_entries
         WHERE {OF_ONE} AND number > :cause
         ORDER BY number DESC LIMIT :most) AS looked
     WHERE cause_number = :cause ORDER BY number DESC LIMIT 1
""")
