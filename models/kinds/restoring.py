"""Restoring: giving a resource the values that it had after an entry, by an update like any other."""

from collections.abc import Collection, Sequence
from datetime import datetime
from enum import StrEnum
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import TextClause, text

from models.database import read
from models.errors import Invalid, NotFound
from models.field import Logged, Shape
from models.kinds.references import handles_of
from models.log.history import Rebuilt, state_after
from models.log.record import Changes, Sentence
from models.log.tracked import checked

if TYPE_CHECKING:
    from models.kinds.resource import Resource

RESTORES = "restores"
"""Among the changes of an entry, the number of the entry whose state it brought back."""


class Reference(NamedTuple):
    """A field, and one of the handles in it."""

    field: str
    handle: str


class Why(StrEnum):
    """Why something is not brought back as it was."""

    SEALED = "sealed"
    """Its value has changed since, and no entry keeps values of it."""
    UNKNOWN = "unknown"
    """No entry that was looked at tells it."""
    GONE = "gone"
    """What it refers to exists no more."""
    REPLACED = "replaced"
    """What it refers to has ended, and another one bears the handle now."""
    REFUSED = "refused"
    """Its value of then is not allowed any more."""


class Lost(NamedTuple):
    """Something of a state that is not brought back."""

    field: str
    why: Why
    handle: str = ""
    """Of what it refers to."""
    number: int | None = None
    """Of the entry that changed it since."""
    complaint: str = ""


class Restoration(NamedTuple):
    """What restoring a state would do now."""

    then: Rebuilt
    changes: Changes
    lost: Sequence[Lost]

    @property
    def without(self) -> list[Reference]:
        """The references that have to be left out."""
        return [Reference(each.field, each.handle) for each in self.lost if each.why is Why.GONE]


def preview(resource: "Resource", number: int, at: datetime) -> Restoration:
    """Returns what restoring the state after an entry, written at that time, would do. Raises NotFound."""
    then = find_state(resource, number)
    now = find_state(resource, then.latest)
    references = _lost_references(resource, then, at)
    gone = [Reference(each.field, each.handle) for each in references if each.why is Why.GONE]
    refused: list[Lost] = []
    restored = values(resource, then, gone, refused)
    changes = {name: [old, new] for name, new in restored.items() if (old := getattr(resource, name)) != new}
    return Restoration(then, changes, [*_unkept(resource, then, now), *refused, *references])


def find_state(resource: "Resource", number: int) -> Rebuilt:
    """Returns what the resource was after an entry about it. Raises NotFound for an entry about anything else."""
    found = state_after(type(resource), resource.organisation_id, resource.id, number)
    if found is None or found.number != number:
        raise NotFound(f"Entry #{number} is not about this {resource.noun}.")
    return found


def values(
    resource: "Resource", then: Rebuilt, without: Collection[Reference], refused: list[Lost] | None = None
) -> dict[str, Any]:
    """Returns what an update is to be given, by field: what is known of then, and allowed now.

    What is not allowed any more is added to `refused`.
    """
    found = {}
    for name, value in then.values.items():
        declared = resource.fields()[name]
        handles = handles_of(declared, value)
        left = [each for each in handles if Reference(name, each) not in without]
        if declared.fixed or (declared.shape is Shape.REFERENCE and left != handles):
            continue
        try:
            found[name] = checked(name, declared, left if declared.shape is Shape.REFERENCES else value)
        except Invalid as error:
            if refused is not None:
                refused.append(Lost(name, Why.REFUSED, complaint=str(error)))
    return found


def restored_to(noun: str, number: int) -> Sentence:
    """ "Container my-api restored to entry #12"."""
    return Sentence(f"{noun.capitalize()} ", f" restored to entry #{number}")


def _unkept(resource: "Resource", then: Rebuilt, now: Rebuilt) -> list[Lost]:
    """What no entry tells of then, unless it is sealed and has not changed since."""
    found = []
    for name, kept in then.fields.items():
        if resource.fields()[name].logged is Logged.FACT:
            changed = now.fields[name].number
            unseen = changed is None and now.looked_to is not None and now.looked_to > then.number
            if unseen or (changed is not None and changed > then.number):
                found.append(Lost(name, Why.SEALED, number=changed))
        elif not kept.is_known:
            found.append(Lost(name, Why.UNKNOWN))
    return found


def _lost_references(resource: "Resource", then: Rebuilt, at: datetime) -> list[Lost]:
    found = []
    for name, value in then.values.items():
        handles = handles_of(declared := resource.fields()[name], value)
        if not handles:
            continue
        of_project = {"organisation": resource.organisation_id, "project": resource.project_id, "handles": handles}
        created: dict[str, datetime] = dict(read(_living(declared.refers_to), of_project))
        found += [Lost(name, Why.GONE, each) for each in handles if each not in created]
        found += [Lost(name, Why.REPLACED, each) for each in handles if each in created and created[each] > at]
    return found


@cache
def _living(table: str) -> TextClause:
    return text(f"""
        SELECT handle, created_at FROM {table}
         WHERE organisation_id = :organisation AND project_id = :project AND handle = ANY(CAST(:handles AS text[]))
           AND ended_at IS NULL
    """)
