"""What is proposed for a field, for the form that it is typed into; nothing is filled in against anyone's will."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from models.field import proposal
from models.kinds.resource import Resource


class Proposed(NamedTuple):
    """A proposal as the form shows it under its field, which asks for it again when one of the two changes."""

    name: str
    source: str
    url: str
    told: str


def proposals(kind: type[Resource], typed: Mapping[str, Any], url: str) -> list[Proposed]:
    """Returns what is proposed for the fields of a kind, given what is typed."""
    return [
        Proposed(name, declared.proposed_from, f"{url}?proposed={name}", _told(kind, name, typed))
        for name, declared in kind.fields().items()
        if declared.proposed
    ]


def _told(kind: type[Resource], name: str, typed: Mapping[str, Any]) -> str:
    found = proposal(kind.fields(), name, typed)
    given = str(typed.get(name) or "").strip()
    if found is None or given == str(found.value):
        return ""
    if not given:
        return f"Left empty: {found.value}, which is usual for {found.usual_for}."
    return f"{found.value} is usual for {found.usual_for}."
