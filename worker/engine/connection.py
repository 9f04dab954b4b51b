"""Which runtime this process uses: found once, and asked for again until there is one."""

from functools import cache

from models import installation
from models.settings import Settings
from models.transaction import transaction
from worker.engine.docker import DockerEngine
from worker.engine.interface import NoEngine, Runtime, engine_host


def runtime(settings: Settings) -> Runtime:
    """The engine that the settings name, or none. Raises EngineDown."""
    host = engine_host(settings.docker_host)
    return NoEngine() if host is None else _engine(host, settings.health_seconds)


@cache
def _engine(host: str, health_seconds: int) -> DockerEngine:
    with transaction():
        identity = installation.identity()
    return DockerEngine(host, identity, health_seconds)
