"""What runs the containers, as the worker sees it: a Docker Engine (worker/engine/docker.py), or none."""

import os
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import NamedTuple, Protocol

from models.installation import NO_ENGINE
from models.jobs.deployment import Mark
from models.jobs.fault import Fault
from models.jobs.observation import ResourceKey
from models.jobs.output import Line
from models.jobs.watch import Vitals
from models.kinds.specification import Specification

SOCKET = Path("/var/run/docker.sock")
Tick = Callable[[], None]
"""Called every now and then during long work; what it raises ends the work."""


class EngineDown(Exception):
    """The engine does not answer, and nothing is known of what it runs."""


class CannotDeploy(Exception):
    """A revision does not come up; the message is the reason that people read."""


class Refused(Exception):
    """The engine is there and refused one thing; the message is what it said, for the log of the process."""

    def __init__(self, does: str, fault: Fault, said: str) -> None:
        super().__init__(f"the engine {does} it: {said}")
        self.fault = fault
        self.words = f"the engine {does} it: {fault.words}"
        """The reason that people read."""


class Location(NamedTuple):
    """Where something runs on the engine: in which project's network, and under which name there."""

    key: ResourceKey
    project_id: int
    handle: str


class Image(NamedTuple):
    """An image that the engine has."""

    id: str
    digest: str
    """What its registry calls this content; the id of one that was never pulled."""


class Attempt(NamedTuple):
    """An attempt to bring a revision of something up."""

    location: Location
    revision: int
    number: int
    """Tells what it makes from what others make of this revision, who may be slow or dead."""
    mark: Mark
    """What its containers bear; it names the image."""


UNMARKED = Mark("", "", "")


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
    """Its name on the engine while it comes up, which no other attempt gives; empty once it serves."""
    mark: Mark = UNMARKED
    """What tells which deployment has made it; without a stamp on those of the version before."""
    paused: bool = False
    """Whether someone has paused it. It counts as running, and does nothing."""
    vitals: Vitals | None = None
    """How it is; None for one that has run for a while, and well."""

    @property
    def is_up(self) -> bool:
        """Whether it runs and nothing is wrong with it that the engine knows of."""
        return self.running and not self.paused and not self.trouble


class Network(NamedTuple):
    """A project's network on the engine."""

    id: str
    organisation_id: int
    project_id: int

    @property
    def project(self) -> tuple[int, int]:
        """Whose it is."""
        return self.organisation_id, self.project_id


class Runtime(Protocol):
    """What the worker asks of whatever runs the containers. All of it raises EngineDown."""

    def name(self) -> str:
        """The engine's name and version."""

    def instances(self, organisation_id: int | None = None, key: ResourceKey | None = None) -> list[Instance]:
        """The containers that bear our labels: all of them, an organisation's, or those of one thing."""

    def image(self, wanted: Specification, tick: Tick, deployed: Image | None = None) -> Image:
        """Have the image on the engine. Raises CannotDeploy, EngineFault.

        Without `deployed`, what its name stands for now; otherwise the very content that was deployed.
        """

    def deploy(self, attempt: Attempt, wanted: Specification, tick: Tick, serving: Collection[int] = ()) -> None:
        """Bring a revision up beside what runs, wait until it is healthy, let it serve, and see that it does.

        `serving` are nodes of it that serve already and are left alone. Raises CannotDeploy, EngineFault.
        """

    def start(self, instance: Instance) -> None:
        """Start one that was stopped or paused; it may be gone. Raises Refused."""

    def stop(self, instance: Instance) -> None:
        """Stop one and leave it there; it may be gone. Raises Refused."""

    def remove(self, instance: Instance) -> None:
        """Remove one; it may be gone. Raises Refused."""

    def output(self, instance: Instance) -> list[Line]:
        """What one has written lately, oldest first; nothing when it is gone. Raises Refused."""

    def network(self, location: Location) -> str:
        """The network of its project, made when there is none. Raises EngineFault, CannotDeploy.

        Two callers at once may make two: see models.jobs.deployment.hold_network.
        """

    def networks(self, organisation_id: int | None = None) -> list[Network]:
        """The networks that bear our labels."""

    def remove_network(self, network: Network) -> None:
        """Remove one unless something is in it; it may be gone. Raises Refused."""


class NoEngine:
    """Where no engine is set up: what should run is recorded and waits."""

    def name(self) -> str:
        """The name by which pages know that there is none."""
        return NO_ENGINE

    def instances(self, organisation_id: int | None = None, key: ResourceKey | None = None) -> list[Instance]:
        """None."""
        return []

    def image(self, wanted: Specification, tick: Tick, deployed: Image | None = None) -> Image:
        """Is never asked to."""
        raise EngineDown("there is no engine")

    def deploy(self, attempt: Attempt, wanted: Specification, tick: Tick, serving: Collection[int] = ()) -> None:
        """Is never asked to."""
        raise EngineDown("there is no engine")

    def start(self, instance: Instance) -> None:
        """There is nothing to start."""

    def stop(self, instance: Instance) -> None:
        """There is nothing to stop."""

    def remove(self, instance: Instance) -> None:
        """There is nothing to remove."""

    def output(self, instance: Instance) -> list[Line]:
        """Nothing."""
        return []

    def network(self, location: Location) -> str:
        """Is never asked to."""
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
