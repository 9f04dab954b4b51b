"""What pages say of the engine, and of what runs on it."""

from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from models.installation import NO_ENGINE, Engine
from models.kinds.catalogue import RUNNING, plurals
from web.words import when

# The schedule reports twice a minute.
SILENT = timedelta(minutes=3)


class Trouble(NamedTuple):
    """Why nothing is started or stopped now."""

    short: str
    """In two or three words, behind "Not running:"."""
    sentence: str


def trouble(found: Engine) -> Trouble | None:
    """Says why nothing is started or stopped now; None while all is well."""
    if found.engine is None or found.seen_at is None:
        return Trouble(
            "no engine",
            "No container engine has been reported yet. What is decided is recorded, but nothing is being run.",
        )
    if datetime.now(UTC) - found.seen_at > SILENT:
        return Trouble(
            "the runtime process is silent",
            f"The runtime process has not reported since {when(found.seen_at)}. What is decided is recorded; nothing "
            "is started or stopped until it runs again.",
        )
    if found.engine == NO_ENGINE:
        return Trouble(
            "no engine",
            f"No container engine is set up: {plurals(RUNNING)} are recorded and planned, but nothing is being run. "
            "The platform's operator connects one with DOCKER_HOST.",
        )
    if found.error:
        return Trouble(
            "the engine does not answer",
            f"The container engine does not answer: {found.error}. What is decided is recorded, and made so as soon "
            "as the engine is back.",
        )
    return None
