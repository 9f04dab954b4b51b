"""Asking a witness to cosign a checkpoint: what a log sends, and when a witness may agree.

Specification: c2sp.org/tlog-witness. tests/models/proof/test_submission.py reads the request that it prints.
"""

from base64 import b64decode, b64encode
from binascii import Error as NotBase64
from collections.abc import Sequence
from typing import NamedTuple, Self

from models.log.proof.checkpoint import Checkpoint
from models.log.proof.note import BadNote, plain_number
from models.log.proof.tree import EMPTY_ROOT, HASH_BYTES, is_consistent

HASHES_MOST = 63


class Conflict(Exception):
    """A witness has cosigned another size than the log believes, or another root of this size."""

    def __init__(self, size: int, is_forked: bool) -> None:
        super().__init__(f"the witness has cosigned {size} leaves{' with another root' if is_forked else ''}")
        self.size, self.is_forked = size, is_forked


class NotConsistent(Exception):
    """The proof does not show that the log has only grown."""


class Submission(NamedTuple):
    """The body of a request to "add-checkpoint"."""

    old: int
    """How many leaves the witness cosigned last, as the log believes."""
    proof: Sequence[bytes]
    """That the log has only grown since then."""
    checkpoint: str
    """The signed note."""

    @classmethod
    def parse(cls, written: str) -> Self:
        """Reads a body. Raises BadNote."""
        head, found, checkpoint = written.partition("\n\n")
        first, *lines = head.split("\n")
        word, _, size = first.partition(" ")
        if word != "old" or not found or len(lines) > HASHES_MOST:
            raise BadNote("a request has the old size, at most 63 hashes, a blank line and a checkpoint")
        return cls(plain_number(size), [_hash(line) for line in lines], checkpoint)

    def __str__(self) -> str:
        """Writes the body."""
        lines = [f"old {self.old}", *(b64encode(each).decode() for each in self.proof)]
        return "".join(f"{line}\n" for line in lines) + f"\n{self.checkpoint}"

    def check(self, wanted: Checkpoint, known: Checkpoint | None) -> None:
        """Accept the checkpoint as what the log has grown to since the one that the witness knows.

        Raises BadNote, Conflict, NotConsistent.
        """
        size, root = (known.size, known.root) if known else (0, EMPTY_ROOT)
        if self.old > wanted.size:
            raise BadNote("the old size is beyond the checkpoint's")
        if self.old != size:
            raise Conflict(size, is_forked=False)
        if size == wanted.size and root != wanted.root:
            raise Conflict(size, is_forked=True)
        if not is_consistent(size, wanted.size, self.proof, root, wanted.root):
            raise NotConsistent(f"the proof does not lead from {size} leaves to {wanted.size}")


def _hash(line: str) -> bytes:
    try:
        found = b64decode(line, validate=True)
    except (ValueError, NotBase64) as error:
        raise BadNote(f"not base64: {line[:80]!r}") from error
    if len(found) != HASH_BYTES:
        raise BadNote("a hash of a proof has 32 bytes")
    return found
