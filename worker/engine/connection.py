"""The engine that this process uses: found once, and looked for again until there is one."""

import logging
from functools import cache

from models import installation
from models.settings import Settings
from models.transaction import transaction
from worker.engine.docker import DockerEngine
from worker.engine.interface import EngineDown, NoEngine, Runtime, engine_host

log = logging.getLogger(__name__)


def runtime(settings: Settings) -> Runtime:
    """The engine that the settings name, or none. Raises EngineDown."""
    host = engine_host(settings.docker_host)
    return NoEngine() if host is None else _engine(host, settings.health_seconds)


def report(settings: Settings) -> Runtime | None:
    """Find the engine and write down which one it is, for the pages to show; None when it does not answer."""
    try:
        found = runtime(settings)
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


@cache
def _engine(host: str, health_seconds: int) -> DockerEngine:
    with transaction():
        identity = installation.identity()
    return DockerEngine(host, identity, health_seconds)
