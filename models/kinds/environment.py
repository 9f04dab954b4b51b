"""Environment variables as a person types them: one NAME=value a line; values never come back in clear."""

import re

from models.errors import Invalid

MASK = "••••••••"
NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
LINE_BREAK = re.compile(r"\r\n|\r|\n")


def parse(lines: str) -> dict[str, str]:
    """The variables by name. Raises Invalid, naming the line."""
    variables: dict[str, str] = {}
    # Not splitlines(), for which a form feed or U+2028 is a line break too: those are for the field's check to refuse.
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
    """What a form shows: every name, and dots for every value."""
    return "\n".join(f"{name}={MASK}" for name in parse(stored))


def merged(stored: str, typed: str) -> str:
    """What is stored next: a value left as dots keeps what it was. Raises Invalid for dots without a value."""
    before = parse(stored)
    after = parse(typed)
    for name, value in after.items():
        if value == MASK:
            if name not in before:
                raise Invalid(f"Give {name} a value.", "environment")
            after[name] = before[name]
    return "\n".join(f"{name}={value}" for name, value in after.items())
