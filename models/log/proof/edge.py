"""The right edge of a tree that is kept in tiles: what is needed to add to it, and to know its root.

The tree is that of RFC 6962, its tiles those of c2sp.org/tlog-tiles. tests/models/proof/test_edge.py compares what it
makes with trees that are built leaf by leaf.
"""

from collections.abc import Sequence
from typing import NamedTuple

from models.log.proof.tiles import HEIGHT, WIDTH
from models.log.proof.tree import EMPTY_ROOT, complete_root, node_hash


class FullTile(NamedTuple):
    """A tile that holds all of its hashes, and will never change."""

    level: int
    position: int
    hashes: bytes
    root: bytes
    """The hash above all of them, which is one of the tile above."""


class Edge:
    """The tiles at the right edge that are not full yet, from the leaves upwards."""

    def __init__(self, size: int = 0, partial: Sequence[Sequence[bytes]] = ()) -> None:
        """Raises ValueError when a tree of this size does not end in tiles of these lengths."""
        self.size = size
        self._partial = [list(row) for row in partial]
        if [len(row) for row in partial] != widths(size):
            raise ValueError(f"a tree of {size} leaves does not end in tiles of {[len(row) for row in partial]} hashes")

    def extend(self, hashed_leaves: Sequence[bytes]) -> list[FullTile]:
        """Add leaves by their hashes; returns the tiles that they have filled."""
        full: list[FullTile] = []
        level, added, before = 0, list(hashed_leaves), self.size
        while added:
            if level == len(self._partial):
                self._partial.append([])
            row = [*self._partial[level], *added]
            whole = len(row) // WIDTH
            first = before // WIDTH
            made = [_full(level, first + each, row[each * WIDTH : (each + 1) * WIDTH]) for each in range(whole)]
            self._partial[level] = row[whole * WIDTH :]
            full += made
            level, added, before = level + 1, [each.root for each in made], first
        self.size += len(hashed_leaves)
        return full

    def root(self) -> bytes:
        """Returns the root of the tree as it is now."""
        found: bytes | None = None
        for row in self._partial:
            for part in reversed(_powers(row)):
                below = complete_root(part)
                found = below if found is None else node_hash(below, found)
        return EMPTY_ROOT if found is None else found


def widths(size: int) -> list[int]:
    """Returns how many hashes the last tile of each level holds while it is not full, from the leaves upwards."""
    found = []
    while size:
        size, width = divmod(size, WIDTH)
        found.append(width)
    return found


def _full(level: int, position: int, row: list[bytes]) -> FullTile:
    return FullTile(level, position, b"".join(row), complete_root(row))


def _powers(row: list[bytes]) -> list[list[bytes]]:
    """The complete subtrees that a row decomposes into, the largest first."""
    parts, begin = [], 0
    for power in range(HEIGHT - 1, -1, -1):
        if len(row) >> power & 1:
            parts.append(row[begin : begin + (1 << power)])
            begin += 1 << power
    return parts
