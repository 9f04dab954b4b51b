"""The leaf that an entry is in the tree of its organisation: one JSON object in canonical form (RFC 8785).

docs/log.md says what each name means. tests/models/proof/test_leaf.py compares it with what the `rfc8785` package makes
of thousands of entries, also once PostgreSQL has had them.
"""

from collections.abc import Sequence
from json.encoder import encode_basestring as quoted
from typing import Any, NamedTuple

from models.log.proof.canonical import EXACT_MOST, NotCanonical, canonical

VERSION = 1


class NoLeaf(NotCanonical):
    """An entry of which no leaf can be made."""

    def __init__(self, number: int, reason: str) -> None:
        super().__init__(f"entry {number} has no leaf: {reason}")
        self.number = number


class LeafEntry(NamedTuple):
    """An entry as its leaf tells it."""

    organisation: int
    number: int
    at: str
    """In UTC, always with six digits of a second: "2026-11-27T01:02:03.123456Z"."""
    via: str
    action: str
    actor: str | None
    """The commitment to what the acting person was called then, in hexadecimal digits; None of the system."""
    actor_id: int | None
    actor_role: str | None
    resource_type: str
    resource_id: int
    resource_name: str
    project_id: int | None
    project_name: str | None
    summary: str
    changes: Any
    """The old and new value of each field; None where nothing is said of them."""
    cause: int | None
    people: Sequence[str | None] = ()
    """The commitments of the people it speaks of, in the order of their slots; None for one that nobody knows."""


def leaf(entry: LeafEntry) -> bytes:
    """Returns the leaf. Raises NoLeaf where a number is not whole, or too large for other readers of JSON.

    It is written out, its names in the order of the standard, because a log of millions is read through here.
    """
    numbers = (entry.organisation, entry.number, entry.actor_id, entry.resource_id, entry.project_id, entry.cause)
    if any(each is not None and abs(each) > EXACT_MOST for each in numbers):
        raise NoLeaf(entry.number, "an id or a number is beyond what a double holds exactly")
    try:
        changes = "null" if entry.changes is None else canonical(entry.changes).decode()
    except NotCanonical as error:
        raise NoLeaf(entry.number, str(error)) from error
    people = ",".join([_text(each) for each in entry.people])
    written = (
        f'{{"action":{quoted(entry.action)},"actor":{_text(entry.actor)},"actor_id":{_number(entry.actor_id)},'
        f'"actor_role":{_text(entry.actor_role)},"at":{quoted(entry.at)},"cause":{_number(entry.cause)},'
        f'"changes":{changes},"number":{entry.number},"organisation":{entry.organisation},"people":[{people}],'
        f'"project_id":{_number(entry.project_id)},"project_name":{_text(entry.project_name)},'
        f'"resource_id":{entry.resource_id},"resource_name":{quoted(entry.resource_name)},'
        f'"resource_type":{quoted(entry.resource_type)},"summary":{quoted(entry.summary)},"v":{VERSION},'
        f'"via":{quoted(entry.via)}}}'
    )
    try:
        return written.encode()
    except UnicodeEncodeError as error:
        raise NoLeaf(entry.number, "a lone surrogate has no form in UTF-8") from error


def _text(value: str | None) -> str:
    return "null" if value is None else quoted(value)


def _number(value: int | None) -> str:
    return "null" if value is None else str(value)
