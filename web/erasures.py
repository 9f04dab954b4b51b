"""The list of erasures, to which a request adds what it has erased (models/system/erasure_list.py)."""

import logging
from collections.abc import Sequence
from pathlib import Path

from flask import Flask, current_app

from models.settings import Settings
from models.system import erasure_list
from models.system.erasure import Erasure

EXTENSION = "erasures"
LOG = logging.getLogger(__name__)


def attach(app: Flask, settings: Settings) -> None:
    """Keeps where the list is."""
    app.extensions[EXTENSION] = settings.list_of_erasures


def remember(erasures: Sequence[Erasure]) -> None:
    """Adds what is erased and committed; where the file cannot be written, the operator can make it anew."""
    file: Path = current_app.extensions[EXTENSION]
    try:
        erasure_list.append(file, erasures)
    except OSError as error:
        LOG.warning("%s cannot be written (%s): keep what `activity-log erasures list` prints", file, error.strerror)
