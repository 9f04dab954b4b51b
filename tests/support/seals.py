"""Sealing what a test has written, as the worker does."""

from models.log.signing import SIGNING_KEYS
from models.settings import Settings
from models.system import sealing


def seal_now(settings: Settings) -> None:
    """Seals everything there is."""
    SIGNING_KEYS.load(settings.signing_keys)
    sealing.seal_all(settings.sealed)
