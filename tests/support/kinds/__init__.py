"""One of each kind, and what may be typed into it: a file a kind, for the tests that go over all of them."""

from importlib import import_module
from typing import Any, NamedTuple

from models.field import Shape
from models.kinds.catalogue import BY_PLURAL, KINDS
from models.kinds.resource import Resource
from models.log.actor import Actor
from models.organisation import by_handle
from models.project import Project
from models.transaction import transaction


class Sample(NamedTuple):
    """What a kind is tried with."""

    usual: dict[str, Any]
    """What creates one."""
    changed: dict[str, Any]
    """Something else to save in it,"""
    told: dict[str, Any]
    """and the changes that its entry then tells."""
    other: dict[str, Any]
    """Something else again, saved at the same moment."""
    taken: dict[str, list[Any]]
    """For each field, values within its bounds; the last one is the largest."""
    refused: dict[str, list[Any]]
    """For each field, values out of bounds."""


def sample(kind: type[Resource]) -> Sample:
    """Returns the sample of a kind, from the file that bears its noun."""
    found: Sample = import_module(f"{__name__}.{kind.noun}").SAMPLE
    return found


SAMPLES = {kind: sample(kind) for kind in KINDS}


def create(project: Project, actor: Actor, kind: type[Resource], **values: Any) -> Any:
    """Creates one of the kind, with usual values where none are given."""
    with transaction():
        return project.create(actor, kind, **{**SAMPLES[kind].usual, **values})


def furnish(project: Project, actor: Actor, count: int = 3) -> None:
    """Creates so many of each kind, named container-0 and so on, each referring to what it can refer to."""
    with transaction():
        for number in range(count):
            for kind in reversed(KINDS):
                values = {**SAMPLES[kind].usual, "handle": f"{kind.noun}-{number}"}
                if "name" in values:
                    values["name"] = values["handle"]
                for name, declared in kind.fields().items():
                    if declared.refers_to:
                        handle = f"{BY_PLURAL[declared.refers_to].noun}-{number}"
                        values[name] = handle if declared.shape is Shape.REFERENCE else [handle]
                    elif name in kind.sealed():
                        values[name] = SAMPLES[kind].taken[name][-1]
                project.create(actor, kind, **values)


def same(kind: type[Resource]) -> Any:
    """Finds the one in Acme's first project, as another session sees it."""
    organisation = by_handle("acme")
    assert organisation
    return organisation.find_project("web").find(kind, "it")
