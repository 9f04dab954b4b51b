"""What the people are called whom entries speak of: the names are in a table of their own, apart from the log.

As SQL, where each function takes the name that a statement gives to the entry, and in Python for what pages read.
"""

import json
from collections.abc import Sequence
from typing import Any

from models.log.actor import SYSTEM_NAME
from models.log.record import SLOT

UNKNOWN = "unknown person"


def actor(entry: str = "entry") -> str:
    """Returns the SQL for what who acted was called then, or as what they were erased."""
    return f"COALESCE({person(entry, f'{entry}.actor_person')}, '{SYSTEM_NAME}')"


def person(entry: str, person_id: str) -> str:
    """Returns the SQL for what one person is called; NULL of nobody. By id, one at a time: no plan reads them all."""
    return f"""(SELECT person.shown FROM activity_people AS person
             WHERE person.organisation_id = {entry}.organisation_id AND person.id = {person_id})"""


def names(entry: str = "entry") -> str:
    """Returns the SQL for what the people are called whom an entry speaks of; NULL where it speaks of nobody."""
    return f"CASE WHEN {entry}.people IS NOT NULL THEN names_of({entry}.organisation_id, {entry}.people) END"


def told(column: str, entry: str = "entry") -> str:
    """Returns the SQL for what a column says with the names of people in the place of its slots."""
    return f"""CASE WHEN {entry}.people IS NULL THEN {entry}.{column}
                     ELSE filled({entry}.{column}, names_of({entry}.organisation_id, {entry}.people)) END"""


def filled(text: str, names: Sequence[str | None]) -> str:
    """Puts the names in the place of the slots: one after the other, since no name holds what begins a slot."""
    for place, name in enumerate(names, 1):
        text = text.replace(f"{SLOT}{place}", name or UNKNOWN)
    return text


def filled_changes(changes: str, names: Sequence[str | None]) -> str:
    """Puts the names into changes that are written as JSON."""
    told: dict[str, list[Any]] = json.loads(changes)
    shown = {
        field: [filled(each, names) if isinstance(each, str) else each for each in values]
        for field, values in told.items()
    }
    return json.dumps(shown, ensure_ascii=False)
