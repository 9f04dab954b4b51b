"""The key of a witness, in a file that is made on its first start and never changes."""

import os
from base64 import b64decode, b64encode
from binascii import Error as NotBase64
from pathlib import Path

from models import durable
from models.log.proof.checkpoint import cosigner
from models.log.proof.note import COSIGNATURE, KEY_BYTES, BadNote, Signer

PRIVATE = "PRIVATE+KEY"
"""How Go's package of signed notes begins a private key, which we write as it does."""


class WrongKey(Exception):
    """A file that holds no key of a witness, or one of another name."""


def load(file: Path) -> Signer:
    """Returns the key in a file. Raises WrongKey, OSError."""
    try:
        name, key_id, encoded = file.read_text().strip().removeprefix(f"{PRIVATE}+").split("+", 2)
        decoded = b64decode(encoded, validate=True)
        if len(decoded) != 1 + KEY_BYTES or decoded[0] != COSIGNATURE:
            raise WrongKey(f"{file} holds no key of a witness")
        found = Signer(name, decoded[1:])
        if cosigner(found).key_id.hex() != key_id:
            raise WrongKey(f"the key in {file} has another id than it says")
    except (ValueError, NotBase64, BadNote) as error:
        raise WrongKey(f"{file} holds no key of a witness") from error
    return found


def make(file: Path, name: str) -> Signer:
    """Returns a fresh key that the file keeps, for its owner's eyes alone. Raises BadNote, OSError."""
    made = Signer(name, os.urandom(KEY_BYTES))
    public = cosigner(made)
    written = f"{PRIVATE}+{name}+{public.key_id.hex()}+{b64encode(bytes([COSIGNATURE]) + made.seed).decode()}\n"
    durable.write(file, written, 0o600)
    return made
