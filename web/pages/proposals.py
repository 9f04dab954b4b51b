"""What is proposed for a field, for the form that it is typed into; nothing is filled in against anyone's will."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from models.field import Field
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
        Proposed(name, declared.proposed_from, f"{url}?proposed={name}", _told(declared, name, typed))
        for name, declared in kind.fields().items()
        if declared.proposed
    ]


def _told(declared: Field, name: str, typed: Mapping[str, Any]) -> str:
    proposal = declared.proposal(typed)
    given = str(typed.get(name) or "").strip()
    if proposal is None or given == str(proposal.value):
        return ""
    if not given:
        return f"Left empty: {proposal.value}, which is usual for {proposal.usual_for}."
    return f"{proposal.value} is usual for {proposal.usual_for}."
