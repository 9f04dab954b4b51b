"""Output: what something that runs has written lately. It is carried to who looks and kept nowhere.

Except for the last lines of a deployment that failed, which are kept sealed until the thing ends: they say why, and the
engine's container that wrote them is gone.
"""

import hashlib
import json
from collections.abc import Sequence
from typing import NamedTuple, Self

from models.sealed import KEYRING

LINES_MOST = 500
LETTERS_MOST = 256 * 1024
"""In all lines together."""
LINE_MOST = 2000
KEPT_LINES_MOST = 50
KEPT_LETTERS_MOST = 16 * 1024
CUT = "…"


class Line(NamedTuple):
    """A line that a node has written."""

    at: str
    """When, as the engine says it: RFC 3339 in UTC, to the nanosecond."""
    node: int
    text: str


class Output(NamedTuple):
    """The last lines of something, masked, oldest first."""

    lines: Sequence[Line]
    problem: str = ""
    """Why there is nothing to read."""
    is_there: bool = True
    """Whether the engine has anything that could write."""

    @property
    def digest(self) -> str:
        """What differs whenever there is something new to see."""
        return hashlib.sha256(self._written().encode()).hexdigest()[:16]

    def shortened(self, lines_most: int = LINES_MOST, letters_most: int = LETTERS_MOST) -> Self:
        """Returns the newest of its lines, as many as are allowed."""
        kept: list[Line] = []
        left = letters_most
        for line in reversed(self.lines[-lines_most:]):
            text = line.text if len(line.text) <= LINE_MOST else f"{line.text[: LINE_MOST - 1]}{CUT}"
            left -= len(text) + 1
            if left < 0:
                break
            kept.append(line._replace(text=text))
        return self._replace(lines=kept[::-1])

    def sealed(self, context: str) -> str:
        """Returns it as it may lie about."""
        return KEYRING.seal(self._written(), context)

    @classmethod
    def opened(cls, kept: str, context: str) -> Self:
        """Returns what was sealed in the same context. Raises CannotOpen."""
        lines, *more = json.loads(KEYRING.open(kept, context))
        return cls([Line(*each) for each in lines], *more)

    def _written(self) -> str:
        return json.dumps(self)
