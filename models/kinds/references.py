"""Who refers to whom: what is referred to exists, and is not ended while something refers to it.

A field says to which kind it refers (`refers_to`); who can use a kind follows from the fields of all the others.
"""

from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import ColumnElement, TextClause, any_, literal, or_, select, text, union_all

from models.database import db
from models.errors import InUse, Invalid
from models.field import Field, Shape

if TYPE_CHECKING:
    from models.kinds.resource import Resource

LISTED_MOST = 5


class Linked(NamedTuple):
    """A resource as those know it that are linked with it."""

    name: str
    handle: str
    plural: str
    """Of its kind, for its address."""


def handles_of(declared: Field, value: Any) -> list[str]:
    """Returns the handles in a value of a field; none of a field that refers to nothing."""
    if not (declared.refers_to and value):
        return []
    return [value] if declared.shape is Shape.REFERENCE else list(value)


def require_existing(resource: "Resource") -> None:
    """Checks that what it refers to exists, and keeps that from being ended until COMMIT. Raises Invalid."""
    for name, declared in resource.fields().items():
        if handles := handles_of(declared, getattr(resource, name)):
            values = {"organisation": resource.organisation_id, "project": resource.project_id, "handles": handles}
            found = set(db.session.execute(_held(declared.refers_to), values).scalars())
            if missing := [each for each in handles if each not in found]:
                raise Invalid(f"There is no {', '.join(missing)} in this project any more.", name)


def require_unused(resource: "Resource") -> None:
    """Checks that nothing refers to it. Raises InUse, naming what does.

    Locked first, in a statement of its own: whoever links it at this moment holds it FOR SHARE, and is seen by the
    second statement once it has committed.
    """
    kind = type(resource)
    if not users_of(kind):
        return
    mine = select(kind.id).where(kind.organisation_id == resource.organisation_id, kind.id == resource.id)
    db.session.execute(mine.with_for_update())
    if users := used_by(resource):
        raise InUse(
            f"{resource.noun.capitalize()} {resource.name} is used by {listed_names(users)}. Remove it there first."
        )


def used_by(resource: "Resource") -> list[Linked]:
    """Returns what refers to it, by name."""
    users = [
        select(getattr(kind, kind.called_by).label("name"), kind.handle, literal(kind.plural)).where(
            refers(kind, resource)
        )
        for kind in users_of(type(resource))
    ]
    return [Linked(*row) for row in db.session.execute(union_all(*users).order_by("name"))] if users else []


@cache
def users_of(kind: type["Resource"]) -> dict[type["Resource"], list[str]]:
    """Returns the kinds that can refer to this one, each with the fields in which it does."""
    from models.kinds.catalogue import KINDS  # not above: the catalogue imports the kinds, and they import us

    fields = {
        each: [name for name, declared in each.fields().items() if declared.refers_to == kind.plural] for each in KINDS
    }
    return {each: names for each, names in fields.items() if names}


def refers(kind: type["Resource"], resource: "Resource") -> ColumnElement[bool]:
    """Returns the condition under which a living row of the kind refers to the resource."""
    fields = [
        getattr(kind, name) == resource.handle
        if kind.fields()[name].shape is Shape.REFERENCE
        else literal(resource.handle) == any_(getattr(kind, name))
        for name in users_of(type(resource))[kind]
    ]
    here = (kind.organisation_id == resource.organisation_id) & (kind.project_id == resource.project_id)
    return here & kind.ended_at.is_(None) & or_(*fields)


def listed(names: list[str]) -> str:
    """ "api, auth and 7 more": as many names as one reads."""
    more = len(names) - LISTED_MOST
    return ", ".join(names[:LISTED_MOST]) + (f" and {more:,} more" if more > 0 else "")


def listed_names(linked: list[Linked]) -> str:
    """ "api, auth and 7 more", of what is linked."""
    return listed([each.name for each in linked])


@cache
def _held(table: str) -> TextClause:
    # FOR SHARE: a deletion at the same moment waits for our COMMIT, and then finds its new user.
    return text(f"""
        SELECT handle FROM {table}
         WHERE organisation_id = :organisation AND project_id = :project AND handle = ANY(:handles)
           AND ended_at IS NULL
         ORDER BY id FOR SHARE
    """)
