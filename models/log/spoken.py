"""What the people are called whom entries speak of, as SQL: the names are in a table of their own, apart from the log.

Each function takes the name that a statement gives to the entry.
"""

from models.log.actor import SYSTEM_NAME


def actor(entry: str = "entry") -> str:
    """Returns the SQL for what who acted was called then, or as what they were erased."""
    return f"COALESCE({person(entry, f'{entry}.actor_person')}, '{SYSTEM_NAME}')"


def person(entry: str, person_id: str) -> str:
    """Returns the SQL for what one person is called; NULL of nobody. By id, one at a time: no plan reads them all."""
    return f"""(SELECT person.shown FROM activity_people AS person
             WHERE person.organisation_id = {entry}.organisation_id AND person.id = {person_id})"""


def told(column: str, entry: str = "entry") -> str:
    """Returns the SQL for what a column says with the names of people in the place of its slots."""
    names = f"ARRAY(SELECT {person(entry, 'spoken.id')} FROM unnest({entry}.people) AS spoken (id))"
    return f"""CASE WHEN {entry}.people IS NULL THEN {entry}.{column}
                     ELSE filled({entry}.{column}, {names}) END"""
