"""The keys that sign checkpoints: Ed25519, the first of SIGNING_KEYS signs, and each is known by its public half."""

import base64
from typing import NamedTuple

from flask import Flask

from models.errors import NoSigningKey
from models.log.proof.note import Signer, Verifier
from models.settings import Settings


class Public(NamedTuple):
    """The public half of a key."""

    id: str
    public: bytes

    def verifier(self, origin: str) -> Verifier:
        """Returns what checks its signatures of one log: a key has another id for every name it signs under."""
        return Verifier(origin, self.public)


class SigningKeys:
    """The keys of this process; none where nothing is signed."""

    def __init__(self, keys: str = "") -> None:
        self.load(keys)

    def load(self, keys: str) -> None:
        """Take the keys from `id:base64,id:base64`."""
        pairs = [each.partition(":") for each in keys.split(",") if each]
        self._seeds: list[tuple[str, bytes]] = [(key_id, base64.b64decode(encoded)) for key_id, _, encoded in pairs]

    def signer(self, origin: str) -> Signer:
        """Returns what signs for one log. Raises NoSigningKey."""
        if not self._seeds:
            raise NoSigningKey("SIGNING_KEYS is not set, and nothing is sealed without")
        return Signer(origin, self._seeds[0][1])

    def publics(self) -> list[Public]:
        """Returns the public halves, the one that signs first."""
        return [Public(key_id, Signer("any", seed).verifier.public) for key_id, seed in self._seeds]


SIGNING_KEYS = SigningKeys()


def attach(_: Flask, settings: Settings) -> None:
    """Let this process, whatever its app, sign with the keys of the settings."""
    SIGNING_KEYS.load(settings.signing_keys)
