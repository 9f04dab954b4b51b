"""The engine that this process uses: found once, and looked for again until there is one."""

import logging
import threading
import time
from datetime import UTC, datetime

from flask import Flask, current_app

from models import installation
from models.settings import Settings
from models.transaction import transaction
from worker.engine.docker import DockerEngine
from worker.engine.interface import EngineDown, NoEngine, Runtime, engine_host

log = logging.getLogger(__name__)
EXTENSION = "engine"
# Less than half of what the pages wait for (web/pages/engine.py).
SAID_AGAIN_SECONDS = 80


class Connection:
    """Where the engine is, and the connection to it once there is one."""

    def __init__(self, docker_host: str, health_seconds: int) -> None:
        self._docker_host, self._health_seconds = docker_host, health_seconds
        self._engine: DockerEngine | None = None
        self._making = threading.Lock()
        self._said: tuple[str, str | None] | None = None
        self._said_at = 0.0

    def runtime(self) -> Runtime:
        """Reaches the engine. Raises EngineDown."""
        host = engine_host(self._docker_host)
        if host is None:
            return NoEngine()
        if self._engine is None:
            with transaction():
                identity = installation.identity()
            made = DockerEngine(host, identity, self._health_seconds)
            with self._making:
                # The first one is everyone's: each that is asked listens to the engine in a thread of its own.
                self._engine = self._engine or made
        return self._engine

    def say(self, engine: str, error: str | None = None) -> None:
        """Write down which engine there is, when that is news or the pages would soon think that nobody looks at it."""
        said, now = (engine, error), time.monotonic()
        if said == self._said and now - self._said_at < SAID_AGAIN_SECONDS:
            return
        if error and said != self._said:
            log.warning("the engine does not answer: %s", error)
        with transaction():
            installation.report(engine, datetime.now(UTC), error)
        self._said, self._said_at = said, now


def attach(app: Flask, settings: Settings) -> None:
    """Let `app` use the engine that the settings name."""
    app.extensions[EXTENSION] = Connection(settings.docker_host, settings.health_seconds)


def runtime() -> Runtime:
    """The engine of this app, or none. Raises EngineDown."""
    connection: Connection = current_app.extensions[EXTENSION]
    return connection.runtime()


def report() -> Runtime | None:
    """Find the engine and write down which one it is, for the pages to show; None when it does not answer."""
    connection: Connection = current_app.extensions[EXTENSION]
    try:
        found = connection.runtime()
        name = found.name()
    except EngineDown as down:
        connection.say("Docker", str(down))
        return None
    connection.say(name)
    return found
