"""The edge of a tree in tiles: added to in steps of any size, it makes the tiles and the roots of the whole tree."""

import pytest
from hypothesis import given
from hypothesis import strategies as some

from models.log.proof.edge import Edge, widths
from models.log.proof.tiles import node_in
from models.log.proof.tree import EMPTY_ROOT, Frontier, leaf_hash, root

LEAVES = [leaf_hash(str(each).encode()) for each in range(70_000)]


def whole(size: int) -> bytes:
    """The root of a tree that was built leaf by leaf."""
    frontier = Frontier()
    for each in LEAVES[:size]:
        frontier.append(each)
    return frontier.root()


@given(some.lists(some.integers(0, 700), max_size=8))
def test_steps_of_any_size_lead_to_the_root_of_the_whole_tree(steps: list[int]) -> None:
    edge = Edge()
    for step in steps:
        edge.extend(LEAVES[edge.size : edge.size + step])

    assert edge.root() == whole(edge.size)


@pytest.mark.parametrize("size", [0, 1, 255, 256, 257, 65_535, 65_536, 65_537, 70_000])
def test_a_tree_goes_on_from_its_tiles(size: int) -> None:
    before = Edge()
    tiles = {(each.level, each.position): each for each in before.extend(LEAVES[:size])}
    partial = [LEAVES[size - size % 256 : size]]
    for level in range(1, len(widths(size))):
        count = size >> 8 * level
        partial.append([tiles[level - 1, each].root for each in range(count - count % 256, count)])
    edge = Edge(size, partial[: len(widths(size))])

    assert edge.root() == before.root() == whole(size)
    edge.extend(LEAVES[size:])
    assert edge.root() == whole(len(LEAVES))


def test_full_tiles_are_those_that_proofs_read() -> None:
    edge = Edge()
    full = edge.extend(LEAVES[:65_536])
    tiles = {(each.level, each.position): each.hashes for each in full}
    [top] = [each for each in full if each.level == 1]
    tiles[2, 0] = top.root

    assert [each for each in full if len(each.hashes) != 256 * 32] == []
    assert root(65_536, node_in(lambda level, index: tiles[level, index])) == edge.root()


def test_an_edge_of_another_size_is_refused() -> None:
    with pytest.raises(ValueError, match="a tree of 3 leaves does not end in tiles of"):
        Edge(3, [LEAVES[:2]])


def test_an_empty_tree_has_the_root_of_nothing() -> None:
    assert Edge().root() == EMPTY_ROOT
