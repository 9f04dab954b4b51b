"""A Docker Engine that runs our containers, found again by their labels."""

import logging
import os
from collections import Counter
from collections.abc import Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import docker
from docker.errors import APIError, DockerException, NotFound
from docker.utils import kwargs_from_env
from requests.exceptions import RequestException

from models.jobs.observation import ResourceKey
from models.jobs.output import Line
from models.jobs.watch import Vitals
from models.kinds.specification import Specification
from worker.engine import health, labels, pull
from worker.engine.exits import Exits
from worker.engine.faults import EngineFault, recognised
from worker.engine.interface import Attempt, CannotDeploy, EngineDown, Image, Instance, Location, Network, Refused, Tick
from worker.engine.labels import Labels
from worker.engine.masking import masked
from worker.engine.written import written

log = logging.getLogger(__name__)
TIMEOUT_SECONDS = 60
STALLED_SECONDS = 120
CONNECTIONS_MOST = 64
LOOKING_MOST = 8
STOP_SECONDS = 10
PIDS_MOST = 512
MIB = 1024 * 1024
NANO_A_MILLICORE = 1_000_000
# What official images need to start as root, take their files, listen below 1024 and become an ordinary user.
CAPABILITIES = ["CHOWN", "NET_BIND_SERVICE", "SETGID", "SETUID"]
LOGS = {"max-size": "10m", "max-file": "3"}
NOT_MODIFIED, FORBIDDEN, GONE, CONFLICT = 304, 403, 404, 409


class Impatient(docker.APIClient):  # type: ignore[misc]  # it ships no types
    """The SDK's client, which would wait for ever for an image: whoever runs a registry could hold us up."""

    def request(self, *arguments: Any, **options: Any) -> Any:
        """Send a request, with a time limit for its answer and for each part of it."""
        options["timeout"] = options.get("timeout") or STALLED_SECONDS
        return super().request(*arguments, **options)


class DockerEngine:
    """The engine at a DOCKER_HOST, as a `worker.engine.interface.Runtime`.

    `platform_id` tells our containers from those of another installation on the same engine.
    """

    def __init__(self, host: str, platform_id: str, health_seconds: int) -> None:
        self._labels, self._health_seconds = Labels(platform_id), health_seconds
        # As Docker's own client: DOCKER_TLS_VERIFY and DOCKER_CERT_PATH say how, when it is reached over TCP.
        known = kwargs_from_env({**os.environ, "DOCKER_HOST": host})
        try:
            self._api = Impatient(**known, version="auto", timeout=TIMEOUT_SECONDS, max_pool_size=CONNECTIONS_MOST)
        except (DockerException, RequestException) as error:
            raise EngineDown(_down(error)) from error
        self._exits = Exits(self._api, self._labels.matching())

    def name(self) -> str:
        """ "Docker 28.2.2"."""
        with _reaching():
            return f"Docker {self._api.version()['Version']}"

    def instances(self, organisation_id: int | None = None, key: ResourceKey | None = None) -> list[Instance]:
        """Finds them by their labels, running or not."""
        mine = self._labels.matching(organisation=organisation_id)
        if key is not None:
            mine = self._labels.matching(organisation=key.organisation_id, kind=key.noun, id=key.id)
        self._exits.listen()
        with _reaching():
            found = self._api.containers(all=True, filters=mine)
            doubtful = [each["Id"] for each in found if labels.deserves_a_look(each)]
            with ThreadPoolExecutor(LOOKING_MOST) as threads:
                vitals = dict(zip(doubtful, threads.map(self._vitals, doubtful), strict=True))
        return [labels.instance(each)._replace(vitals=vitals.get(each["Id"])) for each in found]

    def installations(self) -> Counter[str]:
        """Counts the containers of each installation on this engine, by its identity."""
        label = f"{labels.PREFIX}.platform"
        with _reaching():
            return Counter(each["Labels"][label] for each in self._api.containers(all=True, filters={"label": label}))

    def image(self, wanted: Specification, tick: Tick, deployed: Image | None = None) -> Image:
        """Pulls it, unless it was made on the engine, or what was deployed is still there."""
        with _reaching(), _deploying(wanted):
            return pull.again(self._api, wanted, deployed, tick) if deployed else pull.present(self._api, wanted, tick)

    def deploy(self, attempt: Attempt, wanted: Specification, tick: Tick, serving: Collection[int] = ()) -> None:
        """Starts it beside what runs, and gives it the name by which the project finds it once it is healthy."""
        with _reaching(), _deploying(wanted):
            location = attempt.location
            network = self.network(location)
            nodes: dict[int, str] = {}
            for node in {*range(1, wanted.nodes + 1)}.difference(serving):
                tick()
                nodes[node] = self._run(attempt, node, wanted, network)
            health.wait(self._api, nodes.values(), wanted, tick, self._health_seconds)
            for node, container in nodes.items():
                tick()
                # A dot, which no handle has: a node never takes the name of another resource.
                of_node = [f"node-{node}.{location.handle}"] if wanted.nodes > 1 else []
                self._let_serve(container, network, [location.handle, *of_node])
                self._rename(container, self._labels.container(location.key, attempt.revision, node))
            self._require_serving(attempt, nodes.keys())

    def start(self, instance: Instance) -> None:
        """Starts it as it was created, or lets it go on where it was paused."""
        with _reaching(), _refusing("does not start"), _already(GONE, NOT_MODIFIED):
            if instance.paused:
                self._unpause(instance)
            else:
                self._start(instance)

    def stop(self, instance: Instance) -> None:
        """Asks it to end, and kills it after STOP_SECONDS."""
        with _reaching(), _refusing("does not stop"), _already(GONE, NOT_MODIFIED):
            self._api.stop(instance.id, timeout=STOP_SECONDS)

    def remove(self, instance: Instance) -> None:
        """Stops it and removes it.

        One that was coming up is removed by the name that it had then: if it serves by now, it is not found and stays.
        """
        if instance.running and not instance.coming:
            self.stop(instance)
        with _reaching(), _refusing("does not remove"), _already(GONE, CONFLICT):
            self._api.remove_container(instance.coming or instance.id, v=True, force=True)

    def output(self, instance: Instance) -> list[Line]:
        """Reads the file that the engine keeps of it."""
        with _reaching(), _refusing("does not read"):
            try:
                return written(self._api, instance.id, instance.node)
            except NotFound:
                return []

    def network(self, location: Location) -> str:
        """Finds it by its labels, since Docker lets two networks have one name."""
        project = {"organisation": location.key.organisation_id, "project": location.project_id}
        with _reaching(), _deploying():
            if found := self._api.networks(filters=self._labels.matching(**project)):
                return min(str(each["Id"]) for each in found)
            name = self._labels.network(location.key.organisation_id, location.project_id)
            made = self._api.create_network(name, driver="bridge", labels=self._labels.of(**project))
            return str(made["Id"])

    def networks(self, organisation_id: int | None = None) -> list[Network]:
        """Finds them by their labels."""
        mine = self._labels.matching(organisation=organisation_id)
        with _reaching():
            return [labels.network(each) for each in self._api.networks(filters=mine)]

    def remove_network(self, network: Network) -> None:
        """Removes it unless something is in it.

        Docker 20.10, which loses count when many containers end at once, goes on refusing an empty one until it is
        started again (moby issue 42119).
        """
        with _reaching(), _refusing("does not remove"), _already(GONE, CONFLICT):
            try:
                self._api.remove_network(network.id)
            except APIError as error:
                if error.status_code != FORBIDDEN or not self._api.inspect_network(network.id)["Containers"]:
                    raise

    def _vitals(self, container: str) -> Vitals | None:
        try:
            return labels.vitals(self._api.inspect_container(container), self._exits.of(container))
        except NotFound:
            return None

    def _start(self, instance: Instance) -> None:
        try:
            self._api.start(instance.id)
        except NotFound as error:
            self._api.inspect_container(instance.id)  # unless it is gone itself, it misses its network or the like
            said = str(error.explanation)
            raise Refused("does not start", recognised(GONE, said), said) from None

    def _unpause(self, instance: Instance) -> None:
        try:
            self._api.unpause(instance.id)
        except APIError as error:
            # Someone was faster; otherwise what follows says what is wrong.
            if self._api.inspect_container(instance.id)["State"]["Paused"]:
                raise error

    def _require_serving(self, attempt: Attempt, nodes: Collection[int]) -> None:
        """Nothing is said to be deployed that was not seen running as specified. Raises CannotDeploy."""
        found = self.instances(key=attempt.location.key)
        up = {each.node for each in found if each.mark == attempt.mark and each.is_up and not each.coming}
        if not up.issuperset(nodes):
            raise CannotDeploy("it ended again as soon as it served")

    def _run(self, attempt: Attempt, node: int, wanted: Specification, network: str) -> str:
        """Create one container and start it; returns its id on the engine."""
        key = attempt.location.key
        made_by = self._labels.of(
            organisation=key.organisation_id,
            project=attempt.location.project_id,
            kind=key.noun,
            id=key.id,
            revision=attempt.revision,
            node=node,
            attempt=attempt.number,
            stamp=attempt.mark.stamp,
            specification=attempt.mark.specification,
            image=wanted.named,
        )
        made = self._api.create_container(
            attempt.mark.image_id,
            command=list(wanted.command) or None,
            name=self._labels.coming(key, attempt.revision, node, attempt.number),
            environment=wanted.environment,
            ports=[wanted.port],
            labels=made_by,
            healthcheck=health.check(wanted),
            networking_config=self._api.create_networking_config({network: self._api.create_endpoint_config()}),
            host_config=self._api.create_host_config(
                network_mode=network,
                mem_limit=wanted.memory_mib * MIB,
                memswap_limit=wanted.memory_mib * MIB,
                nano_cpus=wanted.cpu_millicores * NANO_A_MILLICORE if wanted.cpu_millicores else None,
                pids_limit=PIDS_MOST,
                cap_drop=["ALL"],
                cap_add=CAPABILITIES,
                security_opt=["no-new-privileges"],
                init=True,
                # While it comes up, one end is the end: that is what tells us why.
                restart_policy={"Name": "no"},
                log_config={"Type": "json-file", "Config": LOGS},
            ),
        )
        self._api.start(made["Id"])
        return str(made["Id"])

    def _let_serve(self, container: str, network: str, names: list[str]) -> None:
        """Let the project find it by its name, and have it started again whenever it ends."""
        self._api.disconnect_container_from_network(container, network)
        self._api.connect_container_to_network(container, network, aliases=names)
        self._api.update_container(container, restart_policy={"Name": "unless-stopped"})

    def _rename(self, container: str, name: str) -> None:
        """Give it the name of what serves, last of all; whatever bears that name has to leave it.

        It is not removed here: it may be a stray, which is kept. Whoever looks next sees what it is.
        """
        try:
            self._api.rename(container, name)
        except APIError as error:
            if error.status_code != CONFLICT:
                raise
            with _already(GONE):
                holder = str(self._api.inspect_container(name)["Id"])
                self._api.rename(holder, labels.aside(name, holder))
            self._api.rename(container, name)


@contextmanager
def _reaching() -> Iterator[None]:
    """Tell an engine that is not there from one that refuses something. Raises EngineDown."""
    try:
        yield
    except APIError as error:
        log.warning("the engine does not do as told: %s", error.explanation or error)
        raise EngineDown(recognised(error.status_code or 0, str(error.explanation)).words) from error
    except (RequestException, DockerException) as error:
        raise EngineDown(_down(error)) from error


@contextmanager
def _refusing(does: str) -> Iterator[None]:
    """Raise Refused with what the engine says to one thing."""
    try:
        yield
    except APIError as error:
        if error.status_code == pull.UNAVAILABLE:
            raise
        said = str(error.explanation or error)
        raise Refused(does, recognised(error.status_code or 0, said), said) from None


@contextmanager
def _deploying(wanted: Specification | None = None) -> Iterator[None]:
    """Raise what the engine says to a deployment by kind, and have its words in the log of the process.

    Raises CannotDeploy, EngineFault.
    """
    try:
        yield
    except APIError as error:
        if error.status_code == pull.UNAVAILABLE:
            raise
        said = masked(str(error.explanation or error), wanted.confidential if wanted else [])
        log.warning("the engine refused: %s", said)
        fault = recognised(error.status_code or 0, said)
        if fault.is_engines:
            raise EngineFault(fault) from None
        raise CannotDeploy(f"the engine refused it: {fault.words}") from None


@contextmanager
def _already(*statuses: int) -> Iterator[None]:
    """Accept the statuses by which the engine says that it is done already."""
    try:
        yield
    except APIError as error:
        if error.status_code not in statuses:
            raise


def _down(error: Exception) -> str:
    told = str(error)
    if "Permission denied" in told:
        return "its socket may not be opened by this user"
    if "Connection refused" in told or "FileNotFoundError" in told or "No such file" in told:
        return "nothing listens there"
    log.warning("the engine is not reached: %s", " ".join(told.split()))
    return "it gives no answer"
