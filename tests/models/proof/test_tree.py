"""Merkle trees, held against Certificate Transparency's vectors and against pymerkle."""

from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pymerkle import InmemoryTree, verify_consistency

from models.log.proof.tree import (
    EMPTY_ROOT,
    Frontier,
    Node,
    consistency_proof,
    inclusion_proof,
    is_consistent,
    is_included,
    leaf_hash,
    node_hash,
    root,
)

MOST = 130
# Of Certificate Transparency's own tests (merkletree/test): leaves, and the root after each.
LEAVES = [
    bytes.fromhex(each)
    for each in ("", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f")
]
ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
GROWN = [
    (
        1,
        8,
        [
            "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
            "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
            "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
        ],
    ),
    (
        6,
        8,
        [
            "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
            "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        ],
    ),
    (
        2,
        5,
        [
            "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
            "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        ],
    ),
]


def hashed(count: int) -> list[bytes]:
    """Hashes of so many leaves."""
    return [leaf_hash(b"leaf %d" % each) for each in range(count)]


def reader(leaves: list[bytes]) -> Node:
    """Complete subtrees, computed by their definition."""

    @cache
    def node(level: int, index: int) -> bytes:
        return leaves[index] if level == 0 else node_hash(node(level - 1, 2 * index), node(level - 1, 2 * index + 1))

    return node


def grown(count: int) -> InmemoryTree:
    """pymerkle's tree of the leaves."""
    made = InmemoryTree(algorithm="sha256")
    for each in range(count):
        made.append_entry(b"leaf %d" % each)
    return made


def roots(leaves: list[bytes]) -> list[bytes]:
    """The root before any leaf, and after each."""
    frontier = Frontier()
    found = [frontier.root()]
    for each in leaves:
        frontier.append(each)
        found.append(frontier.root())
    return found


def test_roots_are_those_of_certificate_transparency() -> None:
    found = roots([leaf_hash(leaf) for leaf in LEAVES])

    assert [each.hex() for each in found[1:]] == ROOTS
    assert found[0].hex() == EMPTY_ROOT.hex() == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


def test_roots_and_paths_of_all_sizes_are_those_of_pymerkle() -> None:
    leaves, theirs = hashed(MOST), grown(MOST)
    ours = roots(leaves)
    node = reader(leaves)
    for size in range(1, MOST + 1):
        assert ours[size] == root(size, node) == theirs.get_root(size)
        for index in {0, size // 3, size // 2, size - 1}:
            path = inclusion_proof(index, size, node)
            told = theirs.prove_inclusion(index + 1, size).serialize()["path"]
            assert sorted(each.hex() for each in [*path, leaves[index]]) == sorted(told)


def test_every_leaf_of_every_size_is_proven_and_no_other() -> None:
    leaves = hashed(MOST)
    node, known = reader(leaves), roots(leaves)
    for size in range(1, MOST + 1, 3):
        for index in range(size):
            path = inclusion_proof(index, size, node)
            assert is_included(leaves[index], index, size, path, known[size])
            assert not is_included(leaves[index], (index + 1) % size, size, path, known[size]) or size == 1
            assert not is_included(leaves[index - 1], index, size, path, known[size]) or size == 1
            assert not is_included(leaves[index], index, size, [*path, known[size]], known[size])
            assert not is_included(leaves[index], index, size, path[:-1], known[size]) or not path


def test_every_size_has_grown_from_every_smaller_one_and_from_no_other_tree() -> None:
    leaves = hashed(MOST)
    node, known = reader(leaves), roots(leaves)
    for new in range(0, MOST + 1, 5):
        for old in range(new + 1):
            proof = consistency_proof(old, new, node)
            assert is_consistent(old, new, proof, known[old], known[new])
            if 0 < old < new:
                assert not is_consistent(old, new, proof, known[old - 1], known[new])
                assert not is_consistent(old, new, proof, known[old], known[new - 1])
                assert not is_consistent(old, new, proof[1:], known[old], known[new])


def test_pymerkle_finds_our_roots_consistent() -> None:
    known, theirs = roots(hashed(MOST)), grown(MOST)
    for new in range(2, MOST + 1, 7):
        for old in range(1, new):
            verify_consistency(known[old], known[new], theirs.prove_consistency(old, new))


@pytest.mark.parametrize(("old", "new", "proof"), GROWN)
def test_proofs_of_growth_are_those_of_certificate_transparency(old: int, new: int, proof: list[str]) -> None:
    node = reader([leaf_hash(leaf) for leaf in LEAVES])

    assert [each.hex() for each in consistency_proof(old, new, node)] == proof


@given(st.integers(1, 300), st.data())
def test_one_changed_bit_anywhere_is_found(size: int, data: st.DataObject) -> None:
    leaves = hashed(size)
    index = data.draw(st.integers(0, size - 1))
    path = inclusion_proof(index, size, reader(leaves))
    whole = bytearray(b"".join([leaves[index], *path]))
    bit = data.draw(st.integers(0, len(whole) * 8 - 1))
    whole[bit // 8] ^= 1 << bit % 8
    changed = [bytes(whole[at : at + 32]) for at in range(0, len(whole), 32)]

    assert not is_included(changed[0], index, size, changed[1:], roots(leaves)[size])


def test_a_frontier_goes_on_from_its_edge() -> None:
    leaves = hashed(21)
    whole, first = Frontier(), Frontier()
    for each in leaves:
        whole.append(each)
    made = [first.append(each) for each in leaves[:13]]
    resumed = Frontier(13, [made[7][3], made[11][2], made[12][0]])
    for each in leaves[13:]:
        resumed.append(each)

    assert resumed.root() == whole.root()
    with pytest.raises(ValueError, match="an edge of 3 hashes, not 1"):
        Frontier(13, [leaves[0]])


def test_what_is_beyond_the_tree_is_refused() -> None:
    node = reader(hashed(4))
    with pytest.raises(ValueError, match="has no leaf 4"):
        inclusion_proof(4, 4, node)
    with pytest.raises(ValueError, match="has not grown"):
        consistency_proof(5, 4, node)
    assert not is_included(EMPTY_ROOT, 0, 0, [], EMPTY_ROOT)
    assert not is_consistent(3, 2, [], EMPTY_ROOT, EMPTY_ROOT)
