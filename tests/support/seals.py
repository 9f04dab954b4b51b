"""Sealing what a test has written, as the worker does."""

from models import installation
from models.log.signing import SIGNING_KEYS
from models.settings import Settings
from models.system import sealing


def seal_now(settings: Settings) -> None:
    """Seals everything there is. The last checkpoint is kept in a file of the installation, which each test is anew."""
    SIGNING_KEYS.load(settings.signing_keys)
    sealing.seal_all(settings.data_dir / f"checkpoint-{installation.identity()}")
