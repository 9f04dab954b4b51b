"""Seals again and again, in small steps: what the worker does now and then, so that a kill hits it in the middle."""

import os
import time

from models.settings import OF_SEALER, Settings
from models.system import sealing
from worker.app import create_app

STEP = 25
PAUSE_SECONDS = 0.01


def main() -> None:
    """Go on until killed, or until the database is down."""
    settings = Settings.from_environment(os.environ, OF_SEALER)
    with create_app(settings).app_context():
        while True:
            sealing.seal_all(settings.sealed, step=STEP)
            time.sleep(PAUSE_SECONDS)


if __name__ == "__main__":
    main()
