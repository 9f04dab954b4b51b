"""Environment variables as a person types them, one NAME=value a line; stored values are never shown again."""

import re

from models.errors import Invalid

MASK = "••••••••"
NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
LINE_BREAK = re.compile(r"\r\n|\r|\n")


def parse(lines: str) -> dict[str, str]:
    """Returns the values by name. Raises Invalid, naming the line."""
    variables: dict[str, str] = {}
    # Not splitlines(), which also breaks at form feeds and U+2028: those are for the field's own check to refuse.
    for place, line in enumerate(LINE_BREAK.split(lines), 1):
        if not line.strip():
            continue
        name, equals, value = line.partition("=")
        name = name.strip()
        if not equals or not NAME.fullmatch(name):
            raise Invalid(f"Line {place} is not NAME=value.", "environment")
        if name in variables:
            raise Invalid(f"Line {place} sets a name for the second time.", "environment")
        variables[name] = value
    return variables


def masked(stored: str) -> str:
    """Returns what a form shows: every name, and dots for every value."""
    return "\n".join(f"{name}={MASK}" for name in parse(stored))


def merged(stored: str, typed: str) -> str:
    """Returns what to store: a value left as dots stays what it was. Raises Invalid for dots without one."""
    before = parse(stored)
    after = parse(typed)
    for name, value in after.items():
        if value == MASK:
            if name not in before:
                raise Invalid(f"Give {name} a value.", "environment")
            after[name] = before[name]
    return "\n".join(f"{name}={value}" for name, value in after.items())
