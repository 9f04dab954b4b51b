"""The engine that this process uses: found once, and looked for again until there is one."""

import logging
from datetime import UTC, datetime, timedelta

from flask import Flask, current_app

from models import installation
from models.settings import Settings
from models.transaction import transaction
from worker.engine.docker import DockerEngine
from worker.engine.interface import EngineDown, NoEngine, Runtime, engine_host

log = logging.getLogger(__name__)
EXTENSION = "engine"
# Less than half of what the pages wait for (web/pages/engine.py).
SAID_AGAIN = timedelta(seconds=80)


class Connection:
    """Where the engine is, and the connection to it once there is one."""

    def __init__(self, docker_host: str, health_seconds: int) -> None:
        self._docker_host, self._health_seconds = docker_host, health_seconds
        self._engine: DockerEngine | None = None

    def runtime(self) -> Runtime:
        """Reaches the engine. Raises EngineDown."""
        host = engine_host(self._docker_host)
        if host is None:
            return NoEngine()
        if self._engine is None:
            with transaction():
                identity = installation.identity()
            self._engine = DockerEngine(host, identity, self._health_seconds)
        return self._engine


def attach(app: Flask, settings: Settings) -> None:
    """Let `app` use the engine that the settings name."""
    app.extensions[EXTENSION] = Connection(settings.docker_host, settings.health_seconds)


def runtime() -> Runtime:
    """The engine of this app, or none. Raises EngineDown."""
    connection: Connection = current_app.extensions[EXTENSION]
    return connection.runtime()


def report() -> Runtime | None:
    """Find the engine and write down which one it is, for the pages to show; None when it does not answer."""
    try:
        found = runtime()
        name = found.name()
    except EngineDown as down:
        if installation.engine().error != str(down):
            log.warning("the engine does not answer: %s", down)  # once, and not twice a minute
        _say("Docker", str(down))
        return None
    _say(name)
    return found


def _say(engine: str, error: str | None = None) -> None:
    """Write it down when it is news, or when the pages would soon think that nobody looks at the engine any more."""
    known, now = installation.engine(), datetime.now(UTC)
    is_news = (known.engine, known.error) != (engine, error)
    if is_news or known.seen_at is None or now - known.seen_at > SAID_AGAIN:
        with transaction():
            installation.report(engine, now, error)
