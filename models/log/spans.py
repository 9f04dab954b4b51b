"""Sets of whole numbers or moments as spans: each from its first member up to, and without, its last."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import TypeVar

Edge = TypeVar("Edge", int, datetime)


def joined(spans: Iterable[tuple[Edge, Edge]]) -> list[tuple[Edge, Edge]]:
    """Returns what is in any of them as spans that neither touch nor overlap, in ascending order."""
    found: list[tuple[Edge, Edge]] = []
    for first, last in sorted(each for each in spans if each[0] < each[1]):
        if found and first <= found[-1][1]:
            found[-1] = found[-1][0], max(last, found[-1][1])
        else:
            found.append((first, last))
    return found


def shared(some: Sequence[tuple[Edge, Edge]], others: Sequence[tuple[Edge, Edge]]) -> list[tuple[Edge, Edge]]:
    """Returns what is in both."""
    return joined((max(a, c), min(b, d)) for a, b in some for c, d in others)


def rest(spans: Iterable[tuple[Edge, Edge]], whole: tuple[Edge, Edge]) -> list[tuple[Edge, Edge]]:
    """Returns what of the whole is in none of them."""
    left: list[tuple[Edge, Edge]] = []
    at, end = whole
    for first, last in joined(spans):
        left.append((at, first))
        at = max(at, last)
    left.append((at, end))
    return shared(left, [whole])
