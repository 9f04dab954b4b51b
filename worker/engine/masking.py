"""Hiding what is sealed in what a container or an engine says."""

import json
import re
from collections.abc import Iterable
from urllib.parse import quote

MASK = "•••"
# What is shorter cannot be told from ordinary words: masking `a` everywhere would give it away.
LEAST = 6
# What is as long as this is no word, and hidden also inside of others.
LONG = 16


def masked(said: str, values: Iterable[str]) -> str:
    """Returns a text without these values, each a word by itself or so long that it can be none.

    A value of several lines is looked for line by line, and each also as it is written in an address and in JSON.
    """
    for value in _spellings(values):
        if value in said:
            said = _pattern(value).sub(MASK, said)
    return said


def _spellings(values: Iterable[str]) -> list[str]:
    lines = {line.strip() for value in values for line in value.splitlines() if len(line.strip()) >= LEAST}
    found = {spelled for line in lines for spelled in (line, quote(line, safe=""), *_in_json(line))}
    return sorted(found, key=len, reverse=True)


def _in_json(line: str) -> list[str]:
    """With quotes and backslashes escaped, as in logs that are JSON; and letters beyond ASCII too, as some do."""
    return [json.dumps(line, ensure_ascii=ascii_alone)[1:-1] for ascii_alone in (False, True)]


def _pattern(value: str) -> re.Pattern[str]:
    if len(value) >= LONG:
        return re.compile(re.escape(value))
    # In JSON, a line may come right after the letter of an escaped line break.
    before = r"(?:(?<!\w)|(?<=\\[nrt]))" if re.match(r"\w", value) else ""
    after = r"(?!\w)" if re.search(r"\w\Z", value) else ""
    return re.compile(f"{before}{re.escape(value)}{after}")
