"""Checkpoints: how large a log is and which root it has then, in a signed note, and what witnesses add to it.

Specifications: c2sp.org/tlog-checkpoint for the text, c2sp.org/tlog-cosignature for what a witness signs (its Ed25519
form, "cosignature/v1"). tests/models/proof/test_checkpoint.py reads the checkpoints that both print.
"""

import struct
from base64 import b64decode, b64encode
from binascii import Error as NotBase64
from collections.abc import Sequence
from typing import NamedTuple, Self

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from models.log.proof.note import COSIGNATURE, BadNote, Note, Signature, Signer, Verifier, plain_number
from models.log.proof.tree import HASH_BYTES

LINES_LEAST = 3
TIME = struct.Struct(">Q")


class Checkpoint(NamedTuple):
    """What a log was at some size."""

    origin: str
    """Which log: the name under which its key signs."""
    size: int
    root: bytes
    extensions: Sequence[str] = ()

    @classmethod
    def parse(cls, text: str) -> Self:
        """Reads the text of a note. Raises BadNote."""
        lines = text.removesuffix("\n").split("\n")
        if len(lines) < LINES_LEAST or not text.endswith("\n") or not all(lines):
            raise BadNote("a checkpoint has an origin, a size and a root, each in a line")
        origin, size, root, *extensions = lines
        try:
            decoded = b64decode(root, validate=True)
        except NotBase64 as error:
            raise BadNote("the root of a checkpoint is not base64") from error
        if len(decoded) != HASH_BYTES:
            raise BadNote("the root of a checkpoint has 32 bytes")
        return cls(origin, plain_number(size), decoded, tuple(extensions))

    def __str__(self) -> str:
        """Writes the text of the note."""
        lines = [self.origin, str(self.size), b64encode(self.root).decode(), *self.extensions]
        return "".join(f"{line}\n" for line in lines)

    def signed(self, signer: Signer) -> Note:
        """Returns it as a note, signed by the log."""
        return Note(str(self), [signer.sign(str(self))])


def opened(written: str, log: Verifier) -> Checkpoint:
    """Returns the checkpoint in a note that the log has signed. Raises BadNote."""
    note = Note.parse(written)
    if not note.verified_by([log]):
        raise BadNote(f"{log.name} has not signed it")
    found = Checkpoint.parse(note.text)
    if found.origin != log.name:
        raise BadNote(f"it is of {found.origin}, not of {log.name}")
    return found


def cosign(text: str, witness: Signer, seconds: int) -> Signature:
    """Returns what a witness says of a checkpoint at a time, in seconds since 1970."""
    signed = Ed25519PrivateKey.from_private_bytes(witness.seed).sign(_cosigned(text, seconds))
    return Signature(witness.name, cosigner(witness).key_id, TIME.pack(seconds) + signed)


def cosigner(witness: Signer) -> Verifier:
    """Who a witness is to others: its key has an id of its own for this use."""
    return witness.verifier._replace(type=COSIGNATURE)


def cosigned_at(note: Note, witness: Verifier) -> int | None:
    """When a witness has cosigned a checkpoint, in seconds since 1970; None when it has not. Raises BadNote."""
    found = None
    for line in note.signatures:
        if (line.name, line.key_id) != (witness.name, witness.key_id):
            continue
        if len(line.value) <= TIME.size:
            raise BadNote(f"the cosignature of {witness.name} is cut off")
        (seconds,) = TIME.unpack(line.value[: TIME.size])
        if not witness.has_signed(_cosigned(note.text, seconds), line.value[TIME.size :]):
            raise BadNote(f"the cosignature of {witness.name} is not good")
        found = max(seconds, found or 0)
    return found


def _cosigned(text: str, seconds: int) -> bytes:
    return f"cosignature/v1\ntime {seconds}\n{text}".encode()
