"""A bundle made of nothing but numbers: the same one on every machine, small enough to look at."""

from collections.abc import Sequence
from hashlib import sha256
from typing import NamedTuple

from models.log.proof.bundle import Header, InMeta, path_line, person_line
from models.log.proof.checkpoint import Checkpoint
from models.log.proof.leaf import LeafEntry, leaf
from models.log.proof.note import Signer
from models.log.proof.tree import Frontier, Node, inclusion_proof, leaf_hash

SEED = sha256(b"a key of the tests").digest()
INSTALLATION = "5f0c8a52-7d1e-4c2f-9f43-0d6f6a1c9b11"
ORGANISATION = 7
ORIGIN, META_ORIGIN = f"{INSTALLATION}/{ORGANISATION}/1", f"{INSTALLATION}/meta/1"
SIGNER = Signer(ORIGIN, SEED)
KEY = SIGNER.verifier
SALT = sha256(b"a salt of the tests").digest()
NAMES = ("Ada Lovelace", "emmy@example.com")


class Made(NamedTuple):
    """A bundle, and what it is made of."""

    lines: list[str]
    leaves: list[bytes]
    checkpoint: str
    meta: str

    def __bytes__(self) -> bytes:
        return "".join(f"{line}\n" for line in self.lines).encode()

    def split(self) -> list[bytes]:
        """Returns its lines as they are read from a file."""
        return bytes(self).splitlines(keepends=True)


def commitment(name: str) -> bytes:
    """What the entries hold in place of a name."""
    return sha256(SALT + name.encode()).digest()


def entry(number: int) -> LeafEntry:
    """The first is an invitation, the second is the system's, and the rest changes a container."""
    ada, emmy = (commitment(name).hex() for name in NAMES)
    at = f"2026-11-27T01:{number // 60:02}:{number % 60:02}.000001Z"
    if number == 1:
        about = ("invitation", 4, "\x1a1", None, None, "Invitation of \x1a1 as member sent", {"role": [None, "member"]})
        return LeafEntry(ORGANISATION, 1, at, "web", "create", ada, 1, "owner", *about, None, [emmy])
    if number == 2:
        project = ("project", 9, "Web", 9, "Web", "Project Web deleted", None)
        return LeafEntry(ORGANISATION, 2, at, "worker", "delete", None, None, None, *project, 1)
    changed = {"image": ["nginx:1.27", f"nginx:1.{number}"], "memory": [256, 512]}
    container = ("container", number, f"c-{number} “é”", 9, "Web", f"Container c-{number} “é” updated", changed)
    return LeafEntry(ORGANISATION, number, at, "api", "update", ada, 1, "owner", *container, None)


def checkpoint_of(leaves: Sequence[bytes], origin: str = ORIGIN, seed: bytes = SEED) -> str:
    """Signs a tree."""
    frontier = Frontier()
    for each in leaves:
        frontier.append(leaf_hash(each))
    return str(Checkpoint(origin, len(leaves), frontier.root()).signed(Signer(origin, seed)))


def node_over(leaves: Sequence[bytes]) -> Node:
    """A reader of subtrees that computes each from the leaves."""

    def node(level: int, index: int) -> bytes:
        frontier = Frontier()
        for each in leaves[index << level : index + 1 << level]:
            frontier.append(leaf_hash(each))
        return frontier.root()

    return node


def text_of(note: str) -> bytes:
    """What is signed of a note: the leaf of the installation's own log."""
    return note.rpartition("\n\n")[0].encode() + b"\n"


def bundle(size: int = 12, chosen: Sequence[int] = (), seed: bytes = SEED) -> Made:
    """A complete bundle, or one of some numbers."""
    leaves = [leaf(entry(number)) for number in range(1, size + 1)]
    checkpoint = checkpoint_of(leaves, seed=seed)
    others = [b'{"epoch":1}', *(text_of(checkpoint_of(leaves[: each + 1])) for each in range(3)), text_of(checkpoint)]
    meta = checkpoint_of(others, META_ORIGIN, seed)
    inside = InMeta(meta, 4, inclusion_proof(4, len(others), node_over(others)))
    entries = len(chosen) or size
    header = Header(ORGANISATION, not chosen, entries, checkpoint, [str(KEY)], inside)
    numbers = chosen or range(1, size + 1)
    spoken = "".join(leaves[number - 1].decode() for number in numbers)
    known = [name for name in NAMES if commitment(name).hex() in spoken]
    lines = [str(header), *(person_line(name, SALT, commitment(name)) for name in known)]
    for number in numbers:
        lines.append(leaves[number - 1].decode())
        if chosen:
            lines.append(path_line(inclusion_proof(number - 1, size, node_over(leaves))))
    return Made(lines, leaves, checkpoint, meta)
