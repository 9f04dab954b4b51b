"""Sealing what a test has written, as the worker does, and what came of it."""

from models.log import seal
from models.log.seal import Seal
from models.log.signing import SIGNING_KEYS
from models.settings import Settings
from models.system import sealing


def seal_now(settings: Settings) -> None:
    """Seals everything there is."""
    SIGNING_KEYS.load(settings.signing_keys)
    sealing.seal_all(settings.sealed)


def newest(organisation_id: int) -> Seal:
    """The last checkpoint, which there must be."""
    found = seal.last(organisation_id)
    assert found is not None
    return found
