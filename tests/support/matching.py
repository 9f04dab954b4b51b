"""What a query finds, said as plainly as possible: one entry at a time, in Python."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Any

from models.log.query import Query, Term, moments, numbers


@dataclass(frozen=True)
class Reader:
    """Who searches, and what names stand for where they do."""

    person_id: int
    zone: tzinfo
    now: datetime
    emails: dict[str, int]
    projects: dict[str, int]
    money: bool = True


def matching(query: Query, reader: Reader) -> Callable[[Any], bool]:
    """Returns what says of an entry, a row with all columns, whether the query asks for it. Raises BadQuery."""
    spans, ranges = moments(query, reader.zone, reader.now), numbers(query)
    asked = [term for term in query.terms if term.key in IS]

    def matches(entry: Any) -> bool:
        return (
            (reader.money or entry.resource_type != "billing")
            and any(first <= entry.number < last for first, last in ranges)
            and any(first <= entry.occurred_at < last for first, last in spans)
            and all(_is(entry, term, reader) != term.excluded for term in asked)
        )

    return matches


def _is(entry: Any, term: Term, reader: Reader) -> bool:
    return any(IS[term.key](entry, value, reader) for value in term.values)


def _actor(entry: Any, value: str, reader: Reader) -> bool:
    if value == "system":
        return entry.actor_id is None
    if entry.actor_id is None:
        return False
    if value == "me":
        return bool(entry.actor_id == reader.person_id)
    return bool(entry.actor_id == reader.emails.get(value.lower(), -1) or entry.actor_name.lower() == value.lower())


def _resource(entry: Any, value: str, _: Reader) -> bool:
    name, asked = entry.resource_name.lower(), value.lower()
    return bool(name.startswith(asked[:-1]) if asked.endswith("*") else name == asked)


IS: dict[str, Callable[[Any, str, Reader], bool]] = {
    "": lambda entry, value, _: value.lower() in entry.summary.lower(),
    "action": lambda entry, value, _: entry.action == value,
    "type": lambda entry, value, _: entry.resource_type == value,
    "via": lambda entry, value, _: entry.door == value,
    "project": lambda entry, value, reader: entry.project_id == reader.projects.get(value, -1),
    "changed": lambda entry, value, _: value in (entry.changes or {}),
    "cause": lambda entry, value, _: entry.cause_number == int(value),
    "actor": _actor,
    "resource": _resource,
}
