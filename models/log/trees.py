"""The trees over the log, read from their tiles and, where those are not full yet, from what they are of.

There is one of each organisation's entries, and one of the installation's own (META), whose leaves are the record of
the epoch and then the checkpoints of all organisations.
"""

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import text

from models.database import read
from models.log.leaves import leaves
from models.log.proof.edge import Edge, widths
from models.log.proof.note import Note
from models.log.proof.tiles import WIDTH, node_in
from models.log.proof.tree import Node, leaf_hash

META = 0
"""Stands in the place of an organisation for the installation's own tree."""


class Tree(NamedTuple):
    """Which tree."""

    organisation_id: int
    epoch: int


def node_of(tree: Tree, size: int, wanted: Sequence[int] = ()) -> Node:
    """Returns a reader of the complete subtrees of the first `size` leaves.

    The full tiles over the leaves that are wanted, and those at the right edge, are read at once; others when they are
    needed. What is not in a full tile is made of the full tiles below, and at the bottom of the leaves.
    """
    places = {
        (level, at // WIDTH ** (level + 1)) for level in range(len(widths(size))) for at in (*wanted, max(size - 1, 0))
    }
    known = _tiles(tree, places)

    def hashes(level: int, position: int) -> bytes:
        if (level, position) not in known:
            known.update(_tiles(tree, {(level, position)}))
        if (level, position) not in known:
            known[level, position] = b"".join(_partial(tree, level, position, size))
        return known[level, position]

    return node_in(hashes)


def edge_of(tree: Tree, size: int) -> Edge:
    """Returns the right edge of the first `size` leaves. Raises ValueError when leaves or tiles are missing."""
    rows = []
    for level, width in enumerate(widths(size)):
        count = size // WIDTH**level
        rows.append(_partial(tree, level, count // WIDTH, size) if width else [])
    return Edge(size, rows)


def hashed_leaves(tree: Tree, first: int, end: int) -> list[bytes]:
    """Returns the hashes of the leaves from `first` up to before `end`, as they are now."""
    if tree.organisation_id != META:
        return [leaf_hash(each) for each in leaves(tree.organisation_id, first + 1, end)]
    found = [leaf for (leaf,) in read(RECORD, {"epoch": tree.epoch})] if first == 0 < end else []
    for (note,) in read(META_LEAVES, {"epoch": tree.epoch, "first": first, "end": end}):
        found.append(Note.parse(note).text)
    return [leaf_hash(each.encode()) for each in found]


def _partial(tree: Tree, level: int, position: int, size: int) -> list[bytes]:
    """The hashes of a tile as far as a tree of this size fills it."""
    first, end = position * WIDTH, min((position + 1) * WIDTH, size // WIDTH**level)
    if level == 0:
        return hashed_leaves(tree, first, end) if first < end else []
    values = {**tree._asdict(), "level": level - 1, "first": first, "end": end}
    return [bytes(each) for (each,) in read(ROOTS, values)]


def _tiles(tree: Tree, places: set[tuple[int, int]]) -> dict[tuple[int, int], bytes]:
    levels, positions = zip(*places, strict=True) if places else ((), ())
    values = {**tree._asdict(), "levels": list(levels), "positions": list(positions)}
    return {(level, position): bytes(hashes) for level, position, hashes in read(TILES, values)}


TILES = text("""
    SELECT tile.level, tile.index, tile.hashes
      FROM unnest(CAST(:levels AS smallint[]), CAST(:positions AS bigint[])) AS wanted (level, index)
      JOIN activity_tiles AS tile USING (level, index)
     WHERE tile.organisation_id = :organisation_id AND tile.epoch = :epoch
""")
ROOTS = text("""
    SELECT root FROM activity_tiles
     WHERE organisation_id = :organisation_id AND epoch = :epoch AND level = :level
       AND index >= :first AND index < :end ORDER BY index
""")
RECORD = text("SELECT leaf FROM activity_epochs WHERE epoch = :epoch")
META_LEAVES = text("""
    SELECT note FROM activity_checkpoints
     WHERE epoch = :epoch AND meta_index >= :first AND meta_index < :end ORDER BY meta_index
""")
