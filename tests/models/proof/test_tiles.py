"""Tiles: trees of all sizes are read from them, and their addresses are those of the specification."""

import pytest

from models.log.proof.tiles import Tile, node_in, tiles_of
from models.log.proof.tree import Frontier, inclusion_proof, is_included, leaf_hash, root

SIZES = [1, 2, 255, 256, 257, 511, 512, 70_000]


def tiled(leaves: list[bytes]) -> dict[tuple[int, int], bytes]:
    """All tiles of a tree, each as far as it is filled."""
    rows: dict[int, list[bytes]] = {}
    frontier = Frontier()
    for leaf in leaves:
        for level, made in enumerate(frontier.append(leaf)):
            if level % 8 == 0:
                rows.setdefault(level // 8, []).append(made)
    return {
        (level, at // 256): b"".join(row[at : at + 256])
        for level, row in rows.items()
        for at in range(0, len(row), 256)
    }


@pytest.mark.parametrize("size", SIZES)
def test_a_tree_is_read_from_its_tiles(size: int) -> None:
    leaves = [leaf_hash(str(each).encode()) for each in range(size)]
    frontier = Frontier()
    for each in leaves:
        frontier.append(each)
    tiles = tiled(leaves)
    node = node_in(lambda level, index: tiles[level, index])

    assert root(size, node) == frontier.root()
    for index in {0, size // 2, size - 1}:
        assert is_included(leaves[index], index, size, inclusion_proof(index, size, node), frontier.root())
    edges = {(each.level, each.position): each.width for each in tiles_of(size)}
    assert {place: len(hashes) // 32 for place, hashes in tiles.items() if place in edges} == edges


def test_a_tile_that_is_cut_off_is_told() -> None:
    leaves = [leaf_hash(str(each).encode()) for each in range(5)]
    cut_off = {(0, 0): b"".join(leaves[:3])}
    node = node_in(lambda level, index: cut_off[level, index])
    with pytest.raises(IndexError, match="tile 0/0 ends before hash 4"):
        root(5, node)


def test_addresses_are_those_of_the_specification() -> None:
    assert Tile(0, 1234067).path == "tile/0/x001/x234/067"
    assert Tile(0, 1234067, 8).path == "tile/0/x001/x234/067.p/8"
    assert Tile(1, 5).path == "tile/1/005"
    assert tiles_of(0) == []
    # The specification's own example: a tree of 70,000 leaves.
    assert tiles_of(70_000) == [Tile(0, 273, 112), Tile(1, 1, 17), Tile(2, 0, 1)]
