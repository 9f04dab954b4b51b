"""What an entry changed, in words: labels and values, in the order in which the fields were declared."""

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

from models.billing import amounts
from models.billing.account import BillingAccount
from models.billing.cards import PaymentMethod
from models.kinds.catalogue import KINDS
from models.kinds.restoring import RESTORES
from models.log.feed import Row
from models.log.tracked import Tracked
from models.organisation import Organisation
from models.project import Project

MONEY = "_cents"
SPOKEN_OF: tuple[type[Tracked], ...] = (Organisation, Project, *KINDS, PaymentMethod, BillingAccount)
BRIEFLY = 2
"""How many of its changes the row of an entry tells."""
LONGEST = 40
"""How much of a value a row shows: the page of the entry has all of it."""
# What the sentence of the entry says already.
IN_THE_SENTENCE = {"state", "role", "reason", "declined", "clean_up", "deployed_revision", "image_digest", RESTORES}
NAMES = {"name", "handle"}
NOTHING = "none"


class Change(NamedTuple):
    """One field: its label, and its old and new value, None where there was or is none."""

    label: str
    old: str | None
    new: str | None
    is_sealed: bool = False
    """Whether the log says no more than that it changed."""


class Brief(NamedTuple):
    """What the row of an entry says of its changes."""

    told: list[tuple[str, str]]
    """Labels, and what became of each."""
    more: int
    """How many more there are."""


def describe(noun: str, changes: Mapping[str, list[Any]]) -> list[Change]:
    """Returns all that an entry about this noun changed, for its page."""
    labels = _LABELS.get(noun, {})
    # What an entry restores is no field of the resource: its page says it among what it links to.
    return [_described(name, labels, changes[name]) for name in _in_order(labels, changes) if name != RESTORES]


def restored(changes: Mapping[str, list[Any]]) -> int | None:
    """Returns the number of the entry whose state an entry brought back."""
    return int(changes[RESTORES][1]) if RESTORES in changes else None


def briefly(entry: Row) -> Brief:
    """Returns the first changes that the entry's own sentence does not tell."""
    if entry.changes is None:
        return Brief([], 0)
    changes: dict[str, list[Any]] = json.loads(entry.changes)
    labels = _LABELS.get(entry.resource_type, {})
    untold = [name for name in _in_order(labels, changes) if not _is_told(name, entry, changes[name])]
    told = [_in_brief(_described(name, labels, changes[name]), changes[name]) for name in untold[:BRIEFLY]]
    return Brief(told, len(untold) - len(told))


def _is_told(name: str, entry: Row, values: list[Any]) -> bool:
    # What is new is called by its name in the sentence.
    return name in IN_THE_SENTENCE or (entry.action == "create" and name in NAMES and values[0] is None)


def _in_order(labels: Mapping[str, str], changes: Mapping[str, list[Any]]) -> list[str]:
    return [*(name for name in labels if name in changes), *(name for name in changes if name not in labels)]


def _described(name: str, labels: Mapping[str, str], values: list[Any]) -> Change:
    label = labels.get(name) or name.removesuffix(MONEY).replace("_", " ").capitalize()
    if len(values) != 2:
        return Change(label, None, None, is_sealed=True)
    old, new = (written(value, name) for value in values)
    return Change(label, old, new)


def written(value: Any, name: str) -> str | None:
    """Returns the value of a field as pages write it; None where there is none."""
    if value in (None, "", []):
        return None
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return amounts.shown(value) if name.endswith(MONEY) else str(value)


def _in_brief(change: Change, values: list[Any]) -> tuple[str, str]:
    """ "Image", "nginx:1.28 → 1.29"."""
    if change.is_sealed:
        return change.label, "changed"
    if all(isinstance(value, list) or value is None for value in values):
        return change.label, _cut(_added_and_removed(*(value or [] for value in values)))
    if change.old is None:
        return change.label, _cut(change.new or NOTHING)
    return change.label, f"{_cut(change.old)} → {_cut(_what_differs(change.old, change.new or NOTHING))}"


def _added_and_removed(old: list[str], new: list[str]) -> str:
    added = [f"+ {each}" for each in new if each not in old]
    return ", ".join([*added, *(f"− {each}" for each in old if each not in new)])


def _what_differs(old: str, new: str) -> str:
    """ "1.29" after "nginx:1.28": of another tag of the same image, the tag."""
    same, colon, tag = new.rpartition(":")
    return tag if colon and " " not in new and old.startswith(same + colon) and "/" not in tag else new


def _cut(value: str) -> str:
    return value if len(value) <= LONGEST else f"{value[: LONGEST - 1].rstrip()}…"


def _labels() -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = {}
    for kind in SPOKEN_OF:
        found.setdefault(kind.noun, {}).update({name: declared.label for name, declared in kind.fields().items()})
    return found


_LABELS = _labels()
