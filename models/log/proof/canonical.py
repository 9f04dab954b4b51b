"""Canonical JSON, as RFC 8785 defines it: one value has one sequence of bytes, whoever writes it.

Numbers are whole ones within what a double holds exactly (RFC 8785 section 3.2.2.3 and appendix D): a log has no
others, and how the rest is printed is the one hard part of the standard. tests/models/proof/test_canonical.py compares
it with the `rfc8785` package on thousands of values.
"""

import json
from json.encoder import encode_basestring
from typing import Any

EXACT_MOST = 2**53 - 1


class NotCanonical(ValueError):
    """A value that has no canonical form here."""


def canonical(value: Any) -> bytes:
    """Returns the canonical form of a JSON value in UTF-8.

    Raises NotCanonical for numbers that are not whole or too large, lone surrogates, what is nested too
    deeply, and what JSON does not know.
    """
    try:
        return _text(value).encode()
    except UnicodeEncodeError as error:
        raise NotCanonical(f"a lone surrogate has no form in UTF-8: {error}") from error
    except RecursionError as error:
        raise NotCanonical("it is nested too deeply") from error


def _text(value: Any) -> str:
    if isinstance(value, str):
        return _string(value)
    if value is None or isinstance(value, bool):
        return json.dumps(value)
    if isinstance(value, int):
        if abs(value) > EXACT_MOST:
            raise NotCanonical(f"{value} is beyond what a double holds exactly")
        return str(value)
    if isinstance(value, float):
        raise NotCanonical(f"{value} is no whole number")
    if isinstance(value, list | tuple):
        return f"[{','.join(map(_text, value))}]"
    if isinstance(value, dict):
        return f"{{{','.join(f'{_string(key)}:{_text(value[key])}' for key in sorted(value, key=_in_utf_16))}}}"
    raise NotCanonical(f"{type(value).__name__} is none of JSON's types here")


def _string(value: str) -> str:
    """Section 3.2.2.2: what must be escaped is escaped in the shortest way, and nothing else."""
    found: str = encode_basestring(value)
    return found


def _in_utf_16(name: Any) -> bytes:
    """Section 3.2.3: names are sorted by their UTF-16 code units."""
    if not isinstance(name, str):
        raise NotCanonical(f"a name is a string, not {type(name).__name__}")
    return name.encode("utf-16-be", "surrogatepass")
