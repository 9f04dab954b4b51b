"""Signed notes: text that people can read, and signatures below it.

Specification: c2sp.org/signed-note. tests/models/proof/test_note.py opens the notes that the specification and Go's
sumdb package print.
"""

from base64 import b64decode, b64encode
from binascii import Error as NotBase64
from collections.abc import Iterable, Sequence
from hashlib import sha256
from typing import NamedTuple, Self

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

ED25519 = 1
COSIGNATURE = 4
"""The types of signatures: how the bytes of one are to be read."""
DASH = "\u2014 "
ID_BYTES, KEY_BYTES = 4, 32
SIGNATURES_MOST = 100
DIGITS_MOST = 19


class BadNote(ValueError):
    """What is not a signed note, or not signed by who should have."""


class Signature(NamedTuple):
    """A line below a note, not verified yet."""

    name: str
    key_id: bytes
    value: bytes

    def __str__(self) -> str:
        """Writes the line."""
        return f"{DASH}{self.name} {b64encode(self.key_id + self.value).decode()}\n"


class Verifier(NamedTuple):
    """A public key with the name of whose it is."""

    name: str
    public: bytes
    type: int = ED25519

    @classmethod
    def parse(cls, text: str) -> Self:
        """Reads "name+id+key". Raises BadNote."""
        parts = text.strip().split("+", 2)
        try:
            name, key_id, encoded = parts
            decoded = b64decode(encoded, validate=True)
        except (ValueError, NotBase64) as error:
            raise BadNote(f"not a verifier key: {text[:80]!r}") from error
        if len(decoded) != 1 + KEY_BYTES or decoded[0] not in (ED25519, COSIGNATURE):
            raise BadNote("not a verifier key of Ed25519")
        found = cls(_checked_name(name), decoded[1:], decoded[0])
        if found.key_id.hex() != key_id:
            raise BadNote(f"the id of the verifier key {name} does not belong to it")
        return found

    def __str__(self) -> str:
        """Writes "name+id+key"."""
        return f"{self.name}+{self.key_id.hex()}+{b64encode(bytes([self.type]) + self.public).decode()}"

    @property
    def key_id(self) -> bytes:
        """Four bytes that name the key among those of one name."""
        return sha256(self.name.encode() + b"\n" + bytes([self.type]) + self.public).digest()[:ID_BYTES]

    def has_signed(self, message: bytes, signature: bytes) -> bool:
        """Whether the bytes are this key's signature of a message."""
        try:
            Ed25519PublicKey.from_public_bytes(self.public).verify(signature, message)
        except InvalidSignature:
            return False
        return True


class Signer(NamedTuple):
    """A private key with the name of whose it is."""

    name: str
    seed: bytes

    @property
    def verifier(self) -> Verifier:
        """Who it is to others."""
        return Verifier(_checked_name(self.name), self._key.public_key().public_bytes_raw())

    def sign(self, text: str) -> Signature:
        """Returns a signature of a note's text."""
        return Signature(self.name, self.verifier.key_id, self._key.sign(text.encode()))

    @property
    def _key(self) -> Ed25519PrivateKey:
        return Ed25519PrivateKey.from_private_bytes(self.seed)


class Note(NamedTuple):
    """A text, which ends with a line end, and its signatures."""

    text: str
    signatures: Sequence[Signature]

    @classmethod
    def parse(cls, written: str) -> Self:
        """Reads a signed note, without looking at whether its signatures are good. Raises BadNote."""
        text, found, lines = written.rpartition("\n\n")
        if not found or not lines.endswith("\n"):
            raise BadNote("a note has a blank line, and signatures below it")
        if any(character < " " and character != "\n" for character in written):
            raise BadNote("a note has no control characters but line ends")
        some = lines.removesuffix("\n").split("\n")
        if len(some) > SIGNATURES_MOST:
            raise BadNote(f"a note has at most {SIGNATURES_MOST} signatures")
        return cls(f"{text}\n", [_signature(line) for line in some])

    def __str__(self) -> str:
        """Writes the note."""
        return f"{self.text}\n{''.join(map(str, self.signatures))}"

    def verified_by(self, verifiers: Iterable[Verifier]) -> list[Verifier]:
        """Returns those of the known ones that have signed it; unknown signatures say nothing.

        Raises BadNote when a line bears the name and the id of a known key and is not its signature.
        """
        found = []
        for each in verifiers:
            mine = [line.value for line in self.signatures if (line.name, line.key_id) == (each.name, each.key_id)]
            if mine and not all(each.has_signed(self.text.encode(), value) for value in mine):
                raise BadNote(f"the signature of {each.name} is not good")
            found += [each] if mine else []
        return found


def plain_number(written: str) -> int:
    """Returns a size or an index as these formats write it: ASCII digits, no leading zeroes. Raises BadNote."""
    if not (len(written) <= DIGITS_MOST and written.isascii() and written.isdecimal()) or written != str(int(written)):
        raise BadNote(f"not a plain number: {written[:80]!r}")
    return int(written)


def _signature(line: str) -> Signature:
    try:
        dash, name, encoded = line.split(" ")
        decoded = b64decode(encoded, validate=True)
    except (ValueError, NotBase64) as error:
        raise BadNote(f"not a line of a signature: {line[:80]!r}") from error
    if f"{dash} " != DASH or len(decoded) <= ID_BYTES:
        raise BadNote(f"not a line of a signature: {line[:80]!r}")
    return Signature(_checked_name(name), decoded[:ID_BYTES], decoded[ID_BYTES:])


def _checked_name(name: str) -> str:
    if not name or "+" in name or any(character.isspace() for character in name):
        raise BadNote(f"a key's name is not empty and has neither blanks nor plus signs: {name[:80]!r}")
    return name
