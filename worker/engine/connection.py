"""The engine that this process uses: found once, and looked for again until there is one."""

import logging

from flask import Flask, current_app

from models import installation
from models.settings import Settings
from models.transaction import transaction
from worker.engine.docker import DockerEngine
from worker.engine.interface import EngineDown, NoEngine, Runtime, engine_host

log = logging.getLogger(__name__)
EXTENSION = "engine"


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
        with transaction():
            installation.report("Docker", str(down))
        return None
    with transaction():
        installation.report(name)
    return found
