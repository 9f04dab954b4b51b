"""Long lists as arrays in the text of PostgreSQL (its manual, 8.15.6): psycopg looks at each element."""

from collections.abc import Sequence


def numbers(values: Sequence[int]) -> str:
    """Returns whole numbers as an array, for a parameter that the statement casts to one: "{1,2}"."""
    return f"{{{','.join(map(str, values))}}}"


def texts(values: Sequence[str]) -> str:
    """Returns texts as an array, for a parameter that the statement casts to one: '{"a","b"}'."""
    quoted = (each.replace("\\", "\\\\").replace('"', '\\"') for each in values)
    return '{"' + '","'.join(quoted) + '"}' if values else "{}"
