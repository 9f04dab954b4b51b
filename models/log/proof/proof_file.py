"""A proof in a file: that an entry is in the log of a checkpoint, which anyone can check without asking us.

Specification: c2sp.org/tlog-proof. tests/models/proof/test_proof_file.py reads what it prints.
"""

from base64 import b64decode, b64encode
from binascii import Error as NotBase64
from collections.abc import Sequence
from typing import NamedTuple, Self

from models.log.proof.checkpoint import opened
from models.log.proof.note import BadNote, Verifier, plain_number
from models.log.proof.tree import HASH_BYTES, is_included, leaf_hash

HEADER = "c2sp.org/tlog-proof@v1"
PATH_MOST = 63


class ProofFile(NamedTuple):
    """What a file with the ending .tlog-proof says."""

    leaf: int
    """The index of the leaf in the log, from 0."""
    path: Sequence[bytes]
    checkpoint: str
    """The signed note, cosignatures included."""
    extra: bytes | None = None

    @classmethod
    def parse(cls, written: str) -> Self:
        """Reads a file. Raises BadNote."""
        head, _, checkpoint = written.partition("\n\n")
        first, *lines = head.split("\n")
        if first != HEADER:
            raise BadNote(f"a proof begins with {HEADER}")
        extra = _decoded(lines.pop(0).removeprefix("extra ")) if lines and lines[0].startswith("extra ") else None
        word, _, index = lines.pop(0).partition(" ") if lines else ("", "", "")
        if word != "index" or len(lines) > PATH_MOST:
            raise BadNote("a proof names the index of its leaf, and at most 63 hashes")
        path = [_decoded(line) for line in lines]
        if any(len(each) != HASH_BYTES for each in path):
            raise BadNote("a hash of a proof has 32 bytes")
        return cls(plain_number(index), path, checkpoint, extra)

    def __str__(self) -> str:
        """Writes the file."""
        extra = [] if self.extra is None else [f"extra {b64encode(self.extra).decode()}"]
        lines = [HEADER, *extra, f"index {self.leaf}", *(b64encode(each).decode() for each in self.path)]
        return "".join(f"{line}\n" for line in lines) + f"\n{self.checkpoint}"

    def shows(self, leaf: bytes, log: Verifier) -> bool:
        """Whether it shows that the log's signed checkpoint covers this leaf. Raises BadNote."""
        found = opened(self.checkpoint, log)
        return is_included(leaf_hash(leaf), self.leaf, found.size, self.path, found.root)


def _decoded(line: str) -> bytes:
    try:
        return b64decode(line, validate=True)
    except NotBase64 as error:
        raise BadNote(f"not base64: {line[:80]!r}") from error
