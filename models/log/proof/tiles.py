"""Tiles as C2SP tlog-tiles cuts a tree: 256 hashes that lie beside each other at every eighth level.

A tile of level n holds hashes of the tree's level 8n; what lies between is computed. Full tiles never change.
Specification: c2sp.org/tlog-tiles, "Merkle Tree"; tests/models/proof/test_tiles.py reads trees of all sizes from tiles.
"""

from collections.abc import Callable
from typing import NamedTuple

from models.log.proof.tree import HASH_BYTES, Node, node_hash

HEIGHT = 8
WIDTH = 1 << HEIGHT
THREE_DIGITS = 1000


class Tile(NamedTuple):
    """Where a tile is in its tree."""

    level: int
    position: int
    width: int = WIDTH
    """How many hashes it holds: fewer at the right edge."""

    @property
    def path(self) -> str:
        """ "tile/0/x001/x234/067.p/8": its address in a log that is served over HTTP."""
        digits, rest = f"{self.position % THREE_DIGITS:03}", self.position // THREE_DIGITS
        while rest:
            digits, rest = f"x{rest % THREE_DIGITS:03}/{digits}", rest // THREE_DIGITS
        partial = "" if self.width == WIDTH else f".p/{self.width}"
        return f"tile/{self.level}/{digits}{partial}"


def tiles_of(size: int) -> list[Tile]:
    """Returns the partial tiles at the right edge of a tree, and how far the full ones reach, from the leaves upwards.

    At each level the last one is named: every tile before it is full.
    """
    found = []
    level, count = 0, size
    while count:
        index, width = divmod(count, WIDTH)
        found.append(Tile(level, index, width) if width else Tile(level, index - 1))
        level, count = level + 1, index
    return found


def node_in(read: Callable[[int, int], bytes]) -> Node:
    """Returns a reader of complete subtrees, given a reader of tiles by level and index: their hashes, joined.

    It reads each tile once. Raises IndexError when a tile holds too few hashes.
    """
    known: dict[tuple[int, int], bytes] = {}

    def hashes(level: int, index: int) -> bytes:
        if (level, index) not in known:
            known[level, index] = read(level, index)
        return known[level, index]

    def node(level: int, index: int) -> bytes:
        above = level % HEIGHT
        first = index << above
        inside = hashes(level // HEIGHT, first // WIDTH)
        begin = first % WIDTH * HASH_BYTES
        part = inside[begin : begin + (HASH_BYTES << above)]
        if len(part) != HASH_BYTES << above:
            raise IndexError(f"tile {level // HEIGHT}/{first // WIDTH} ends before hash {first % WIDTH + (1 << above)}")
        return _joined([part[at : at + HASH_BYTES] for at in range(0, len(part), HASH_BYTES)])

    return node


def _joined(row: list[bytes]) -> bytes:
    while len(row) > 1:
        row = [node_hash(left, right) for left, right in zip(row[::2], row[1::2], strict=True)]
    return row[0]
