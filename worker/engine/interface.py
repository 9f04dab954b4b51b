"""What runs the containers, as the worker sees it: a Docker Engine (worker/engine/docker.py), or none."""

import os
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import NamedTuple, Protocol

from models.installation import NO_ENGINE
from models.jobs.observation import ResourceKey
from models.kinds.specification import Specification

SOCKET = Path("/var/run/docker.sock")
Tick = Callable[[], None]
"""Called every now and then during long work; what it raises ends the work."""


class EngineDown(Exception):
    """The engine does not answer; nothing is known of what it runs."""


class CannotDeploy(Exception):
    """A revision does not come up; the message is the reason that people read."""


class Refused(Exception):
    """The engine is there and refused one thing; the message says why."""


class Place(NamedTuple):
    """Where something runs, and what it is called there."""

    key: ResourceKey
    project_id: int
    handle: str


class Instance(NamedTuple):
    """A container of ours on the engine."""

    id: str
    key: ResourceKey
    revision: int
    node: int
    running: bool
    trouble: str = ""
    """Why it is no good although it is there: it keeps ending, or its health check fails."""
    coming: str = ""
    """What it is called on the engine while it comes up, which no other attempt is; empty once it serves."""
    attempt: int = 0
    """Which attempt made it; 0 when none is known."""

    def serves(self, revision: int | None) -> bool:
        """Whether it is a container of this revision that the project finds."""
        return self.revision == revision and not self.coming


class Network(NamedTuple):
    """A project's network on the engine."""

    id: str
    organisation_id: int
    project_id: int


class Runtime(Protocol):
    """Everything that is asked of what runs the containers. All of it raises EngineDown."""

    def name(self) -> str:
        """The engine's name and version."""

    def instances(self, organisation_id: int | None = None, key: ResourceKey | None = None) -> list[Instance]:
        """The containers that bear our labels: all of them, an organisation's, or those of one thing."""

    def deploy(
        self, place: Place, revision: int, attempt: int, wanted: Specification, tick: Tick, kept: Collection[int] = ()
    ) -> None:
        """Bring a revision up beside what runs, until it is healthy, and let it serve. Raises CannotDeploy.

        `attempt` tells what it makes from what others make of this revision, who may be slow or dead. `kept` are nodes
        of it that serve already and are left alone.
        """

    def start(self, instance: Instance) -> None:
        """Start one that was stopped; one that is gone stays so. Raises Refused."""

    def stop(self, instance: Instance) -> None:
        """Stop one, and leave it there; one that is stopped or gone stays so. Raises Refused."""

    def remove(self, instance: Instance) -> None:
        """Remove one; one that is gone stays so. Raises Refused."""

    def network(self, place: Place) -> str:
        """The network of its project, made when there is none. One caller at a time, or there are two.

        Raises CannotDeploy.
        """

    def networks(self, organisation_id: int | None = None) -> list[Network]:
        """The networks that bear our labels."""

    def remove_network(self, network: Network) -> None:
        """Remove one that nothing is in; one that is in use, or gone, stays so. Raises Refused."""


class NoEngine:
    """Nothing is run: what should run is recorded and waits."""

    def name(self) -> str:
        """No name."""
        return NO_ENGINE

    def instances(self, organisation_id: int | None = None, key: ResourceKey | None = None) -> list[Instance]:
        """None."""
        return []

    def deploy(
        self, place: Place, revision: int, attempt: int, wanted: Specification, tick: Tick, kept: Collection[int] = ()
    ) -> None:
        """Never claimed."""
        raise EngineDown("there is no engine")

    def start(self, instance: Instance) -> None:
        """There is nothing to start."""

    def stop(self, instance: Instance) -> None:
        """There is nothing to stop."""

    def remove(self, instance: Instance) -> None:
        """There is nothing to remove."""

    def network(self, place: Place) -> str:
        """Never asked for."""
        raise EngineDown("there is no engine")

    def networks(self, organisation_id: int | None = None) -> list[Network]:
        """None."""
        return []

    def remove_network(self, network: Network) -> None:
        """There is nothing to remove."""


def engine_host(docker_host: str, environ: Mapping[str, str] = os.environ) -> str | None:
    """Where the engine is: DOCKER_HOST, else Docker's usual socket where there is one; None for "none" or neither."""
    if docker_host:
        return None if docker_host == NO_ENGINE else docker_host
    socket = Path(environ.get("DOCKER_SOCKET") or SOCKET)
    return f"unix://{socket}" if socket.exists() else None
