"""Values encrypted at rest: AES-256-GCM, the id of the key kept beside the ciphertext so that keys can rotate."""

import base64
import hashlib
import hmac
import os
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from flask import Flask
from sqlalchemy import Text
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator

from models.settings import Settings

NONCE_BYTES = 12  # NIST SP 800-38D, section 5.2.1.1


class CannotOpen(Exception):
    """The key that sealed a value is not among ENCRYPTION_KEYS, or the value was tampered with."""


class Keyring:
    """The keys of this process: the first one seals, every one opens."""

    def __init__(self) -> None:
        self._ciphers: dict[str, AESGCM] = {}
        self._digest_key = b""
        self.current = ""

    def load(self, keys: str) -> None:
        """Take the keys from `id:base64,id:base64`."""
        pairs = [each.partition(":") for each in keys.split(",") if each]
        self._ciphers = {key_id: AESGCM(base64.b64decode(encoded)) for key_id, _, encoded in pairs}
        self.current = pairs[0][0]
        # A key for another purpose is another key.
        self._digest_key = hmac.digest(base64.b64decode(pairs[0][2]), b"activity-log digests", hashlib.sha256)

    def seal(self, plain: str, context: str) -> str:
        """Returns `id.base64(nonce + ciphertext)`, which opens in the same context (`table.column`) alone."""
        nonce = os.urandom(NONCE_BYTES)
        sealed = nonce + self._ciphers[self.current].encrypt(nonce, plain.encode(), context.encode())
        return f"{self.current}.{base64.b64encode(sealed).decode()}"

    def open(self, stored: str, context: str) -> str:
        """Returns the plain value. Raises CannotOpen."""
        key_id, _, encoded = stored.partition(".")
        if key_id not in self._ciphers:
            raise CannotOpen(f"a value of {context} is sealed with key {key_id!r}, which is not in ENCRYPTION_KEYS")
        try:
            sealed = base64.b64decode(encoded, validate=True)
            plain = self._ciphers[key_id].decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], context.encode())
        except (InvalidTag, ValueError) as error:  # ValueError: too short, or no base64
            raise CannotOpen(f"a value of {context} does not open with key {key_id!r}") from error
        return plain.decode()

    def digest(self, plain: str, context: str) -> str:
        """Returns what tells values of a context apart, and lets nobody without our first key try out what they are."""
        return hmac.digest(self._digest_key, f"{context}\0{plain}".encode(), hashlib.sha256).hex()


def fingerprints(keys: str) -> dict[str, str]:
    """Returns what tells each key of `id:base64,id:base64` from any other of its id, without giving it away."""
    pairs = [each.partition(":") for each in keys.split(",") if each]
    return {
        key_id: hashlib.sha256(FINGERPRINT + base64.b64decode(encoded)).hexdigest()[:FINGERPRINT_DIGITS]
        for key_id, _, encoded in pairs
    }


# A key is 32 random bytes: nobody finds it by trying what has this hash.
FINGERPRINT, FINGERPRINT_DIGITS = b"activity-log key ", 16
KEYRING = Keyring()


def attach(_: Flask, settings: Settings) -> None:
    """Let this process, whatever its app, seal and open with the keys of the settings."""
    KEYRING.load(settings.encryption_keys)


class Sealed(TypeDecorator[str]):
    """A text column that holds ciphertext alone, bound to its own `table.column`; an empty text is stored as it is."""

    impl = Text
    cache_ok = True

    def __init__(self, context: str) -> None:
        super().__init__()
        self.context = context

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:  # noqa: ARG002 (SQLAlchemy's signature)
        """Seal on the way in."""
        return KEYRING.seal(value, self.context) if value else value

    def process_result_value(self, value: Any, dialect: Dialect) -> str | None:  # noqa: ARG002
        """Open on the way out."""
        return KEYRING.open(value, self.context) if value else value
