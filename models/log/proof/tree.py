"""Merkle trees as RFC 6962 section 2.1 defines them: roots, and proofs that something is in one or that one grew.

Checking a proof follows RFC 9162 sections 2.1.3.2 and 2.1.4.2, which spell out the same tree. tests/models/proof/
test_tree.py holds all of it against the published vectors of Certificate Transparency and against pymerkle.
"""

from collections.abc import Callable, Iterator, Sequence
from hashlib import sha256

HASH_BYTES = 32
EMPTY_ROOT = sha256(b"").digest()

Node = Callable[[int, int], bytes]
"""The hash of the complete subtree at a level and an index: level 0 holds the leaves' hashes, each level has half."""


def leaf_hash(leaf: bytes) -> bytes:
    """Returns the hash of a leaf: its prefix keeps it from being taken for an inner node."""
    return sha256(b"\x00" + leaf).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Returns the hash of an inner node."""
    return sha256(b"\x01" + left + right).digest()


def complete_root(hashes: list[bytes]) -> bytes:
    """Returns the hash above those of a complete subtree. There are 1, 2, 4, 8 … of them."""
    while len(hashes) > 1:
        hashes = [node_hash(left, right) for left, right in zip(hashes[::2], hashes[1::2], strict=True)]
    return hashes[0]


class Frontier:
    """The right edge of a tree: all that is needed to add to it and to know its root.

    It holds the hashes of the complete subtrees that `size` decomposes into, the largest first.
    """

    def __init__(self, size: int = 0, edge: Sequence[bytes] = ()) -> None:
        """Raises ValueError when the edge is not that of a tree of this size."""
        if len(edge) != size.bit_count():
            raise ValueError(f"a tree of {size} leaves has an edge of {size.bit_count()} hashes, not {len(edge)}")
        self.size = size
        self._edge = list(edge)

    def append(self, hashed_leaf: bytes) -> list[bytes]:
        """Add a leaf by its hash; returns the hash of each subtree that it completed, from its own upwards."""
        made = [hashed_leaf]
        joins = self.size
        while joins & 1:
            made.append(node_hash(self._edge.pop(), made[-1]))
            joins >>= 1
        self._edge.append(made[-1])
        self.size += 1
        return made

    def root(self) -> bytes:
        """Returns the root of the tree as it is now."""
        return _folded(self._edge)


def root(size: int, node: Node) -> bytes:
    """Returns the root of the first `size` leaves."""
    return _subtree(0, size, node)


def inclusion_proof(index: int, size: int, node: Node) -> list[bytes]:
    """Returns the audit path of a leaf (RFC 6962 section 2.1.1). Raises ValueError for a leaf beyond the tree."""
    if not 0 <= index < size:
        raise ValueError(f"a tree of {size} leaves has no leaf {index}")
    return _path(index, 0, size, node)


def consistency_proof(old: int, new: int, node: Node) -> list[bytes]:
    """Returns the proof that the first `old` of `new` leaves are what they were (RFC 6962 section 2.1.2).

    Raises ValueError when the old tree is the larger one.
    """
    if not 0 <= old <= new:
        raise ValueError(f"a tree of {new} leaves has not grown from one of {old}")
    return [] if old in (0, new) else _subproof(old, 0, new, True, node)


def is_included(hashed_leaf: bytes, index: int, size: int, proof: Sequence[bytes], expected: bytes) -> bool:
    """Whether the proof shows the leaf at this index in the tree with this root (RFC 9162 section 2.1.3.2)."""
    if not 0 <= index < size:
        return False
    first, last, found = index, size - 1, hashed_leaf
    for each in proof:
        if last == 0:
            return False
        if first & 1 or first == last:
            found = node_hash(each, found)
            while first & 1 == 0 and first:
                first, last = first >> 1, last >> 1
        else:
            found = node_hash(found, each)
        first, last = first >> 1, last >> 1
    return last == 0 and found == expected


def is_consistent(old: int, new: int, proof: Sequence[bytes], old_root: bytes, new_root: bytes) -> bool:
    """Whether the proof shows that the new tree begins with the old one (RFC 9162 section 2.1.4.2)."""
    if not 0 <= old <= new:
        return False
    if old in (0, new):
        return not proof and (old_root == new_root if old else old_root == EMPTY_ROOT)
    path = [old_root, *proof] if old & (old - 1) == 0 else list(proof)
    if not path:
        return False
    first, last = old - 1, new - 1
    while first & 1:
        first, last = first >> 1, last >> 1
    found_old = found_new = path[0]
    for each in path[1:]:
        if last == 0:
            return False
        if first & 1 or first == last:
            found_old, found_new = node_hash(each, found_old), node_hash(each, found_new)
            while first & 1 == 0 and first:
                first, last = first >> 1, last >> 1
        else:
            found_new = node_hash(found_new, each)
        first, last = first >> 1, last >> 1
    return last == 0 and found_old == old_root and found_new == new_root


def _path(index: int, start: int, end: int, node: Node) -> list[bytes]:
    if end - start == 1:
        return []
    middle = start + _largest_power_below(end - start)
    if index < middle:
        return [*_path(index, start, middle, node), _subtree(middle, end, node)]
    return [*_path(index, middle, end, node), _subtree(start, middle, node)]


def _subproof(old: int, start: int, end: int, is_whole: bool, node: Node) -> list[bytes]:
    if old == end:
        return [] if is_whole else [_subtree(start, end, node)]
    middle = start + _largest_power_below(end - start)
    if old <= middle:
        return [*_subproof(old, start, middle, is_whole, node), _subtree(middle, end, node)]
    return [*_subproof(old, middle, end, False, node), _subtree(start, middle, node)]


def _subtree(start: int, end: int, node: Node) -> bytes:
    return _folded([node(level, index) for level, index in _complete(start, end)])


def _complete(start: int, end: int) -> Iterator[tuple[int, int]]:
    """The complete subtrees that the leaves from `start`, a multiple of each one's size, decompose into."""
    while start < end:
        level = (end - start).bit_length() - 1
        yield level, start >> level
        start += 1 << level


def _folded(edge: Sequence[bytes]) -> bytes:
    if not edge:
        return EMPTY_ROOT
    *others, found = edge
    for each in reversed(others):
        found = node_hash(each, found)
    return found


def _largest_power_below(count: int) -> int:
    return 1 << ((count - 1).bit_length() - 1)
