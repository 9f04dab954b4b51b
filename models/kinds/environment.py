"""Environment variables as a person types them, one NAME=value a line; stored values are never shown again."""

import re

from models.errors import Invalid

MASK = "••••••••"
LINE_BREAK = re.compile(r"\r\n|\r|\n")


def parse(lines: str) -> dict[str, str]:
    """Returns the values by name, each exactly as typed. Raises Invalid, naming the line."""
    variables: dict[str, str] = {}
    # Not splitlines(), which also breaks at form feeds and U+2028: those are for the field's own check to refuse.
    for place, line in enumerate(LINE_BREAK.split(lines), 1):
        if not line.strip():
            continue
        name, equals, value = line.partition("=")
        if complaint := _complaint(name, equals):
            raise Invalid(f"Line {place} {complaint}", "environment")
        if name in variables:
            raise Invalid(f"Line {place} sets a name for the second time.", "environment")
        variables[name] = value
    return variables


def stored_variables(stored: str) -> dict[str, str]:
    """Returns the values by name from what was stored, whatever rules names had to keep when it was."""
    lines = (line.partition("=") for line in LINE_BREAK.split(stored) if line.strip())
    return {name.strip(): value for name, _, value in lines}


def is_name(name: str) -> bool:
    """Whether a variable may be called so: whatever Docker takes, such as `discovery.type`, if one can see it."""
    return bool(name) and "=" not in name and not name.startswith("#") and all(map(_is_seen, name))


def masked(stored: str) -> str:
    """Returns what a form shows: every name, and dots for every value."""
    return "\n".join(f"{name}={MASK}" for name in stored_variables(stored))


def merged(stored: str, typed: str) -> str:
    """Returns what to store: a value left as dots stays what it was.

    Raises Invalid for dots without a value before, and for dots with something added, which are neither it nor another.
    """
    before = stored_variables(stored)
    after = parse(typed)
    for name, value in after.items():
        if value == MASK:
            if name not in before:
                raise Invalid(f"Give {name} a value.", "environment")
            after[name] = before[name]
        elif MASK in value:
            raise Invalid(f"Leave the dots of {name} alone to keep its value, or replace all of them.", "environment")
    return "\n".join(f"{name}={value}" for name, value in after.items())


def _complaint(typed_name: str, equals: str) -> str | None:
    """Says what is wrong with a line, without repeating any of it: it may be a secret."""
    name = typed_name.strip()
    if name.startswith("#"):
        return "is a comment. Leave it out: only NAME=value is kept."
    if re.match(r"export\s", name):
        return "begins with “export”, a word for shells. Leave it out and write NAME=value."
    if not equals:
        return "has no “=”. Write NAME=value."
    if not name:
        return "has no name before its “=”. Write NAME=value."
    if not is_name(name):
        return "has a blank, or a character that nobody sees, in the name before its “=”."
    if name != typed_name:
        # Docker would take it for part of the name, and what is stored is what was typed.
        return "has a blank beside the name before its “=”. Begin the line with the name, and “=” right after it."
    return None


def _is_seen(character: str) -> bool:
    return character.isprintable() and not character.isspace()
