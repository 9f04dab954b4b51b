"""A Docker Engine that runs our containers, found again by their labels."""

import os
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import Any

import docker
from docker.errors import APIError, DockerException
from docker.utils import kwargs_from_env
from requests.exceptions import RequestException

from models.jobs.observation import ResourceKey
from models.kinds.specification import Specification
from models.numbers import whole_number
from worker.engine import pull
from worker.engine.interface import CannotDeploy, EngineDown, Instance, Network, Place, Refused, Tick

PREFIX = "activity-log"
# In a container's name while it comes up, and the number of the attempt behind it.
COMING = "-coming-"
TIMEOUT_SECONDS = 60
STALLED_SECONDS = 120
CONNECTIONS_MOST = 64
STOP_SECONDS = 10
# A container without a health check has come up when it has stayed up for so long.
SETTLED_SECONDS = 1.0
POLL_SECONDS = 0.2
PROBE_POLL_SECONDS = 0.03
PROBE_SECONDS = 3
HEALTH_INTERVAL_SECONDS = 15
PIDS_MOST = 512
MIB = 1024 * 1024
NANO_A_MILLICORE = 1_000_000
# What official images need to start as root, take their files, listen below 1024 and become an ordinary user.
CAPABILITIES = ["CHOWN", "NET_BIND_SERVICE", "SETGID", "SETUID"]
LOGS = {"max-size": "10m", "max-file": "3"}
# The address is an argument, so that no path is read as shell. A time limit of our own: Debian's busybox wget crashes
# with -T.
PROBE = """
if command -v wget >/dev/null 2>&1; then wget -q -O /dev/null "$1" &
elif command -v curl >/dev/null 2>&1; then curl -fsS -o /dev/null "$1" &
else echo "the image has neither wget nor curl" >&2; exit 64; fi
asked=$!
(sleep "$2"; kill "$asked") >/dev/null 2>&1 &
wait "$asked"
"""
INTEGER, BIGINT = 2**31 - 1, 2**63 - 1
# The exit statuses of the script above, of busybox' and GNU's wget, and of curl.
NO_TOOL = 64
ANSWERS = {
    None: "no answer in time",
    1: "nothing there, or an error",
    4: "nothing listens there",
    7: "nothing listens there",
    8: "it answers with an error",
    22: "it answers with an error",
    NO_TOOL: "the image has neither wget nor curl",
    126: "the image has no shell",
    127: "the image has no shell",
    143: "no answer in time",
}
NOT_MODIFIED, FORBIDDEN, GONE, CONFLICT = 304, 403, 404, 409


class Impatient(docker.APIClient):  # type: ignore[misc]  # it ships no types
    """The SDK waits for ever while an image is pulled; whoever runs a registry could hold us up by saying nothing."""

    def request(self, *arguments: Any, **options: Any) -> Any:
        """As every session, but never without a time limit for an answer, or for the next part of one."""
        options["timeout"] = options.get("timeout") or STALLED_SECONDS
        return super().request(*arguments, **options)


class DockerEngine:
    """The engine at a DOCKER_HOST, as a `worker.engine.interface.Runtime`.

    `platform_id` tells our containers from those of another installation on the same engine.
    """

    def __init__(self, host: str, platform_id: str, health_seconds: int) -> None:
        self._platform, self._health_seconds = platform_id, health_seconds
        # As Docker's own client: DOCKER_TLS_VERIFY and DOCKER_CERT_PATH say how, when it is reached over TCP.
        known = kwargs_from_env({**os.environ, "DOCKER_HOST": host})
        try:
            self._api = Impatient(**known, version="auto", timeout=TIMEOUT_SECONDS, max_pool_size=CONNECTIONS_MOST)
        except (DockerException, RequestException) as error:
            raise EngineDown(_down(error)) from error

    def name(self) -> str:
        """ "Docker 28.2.2"."""
        with _reaching():
            return f"Docker {self._api.version()['Version']}"

    def instances(self, organisation_id: int | None = None, key: ResourceKey | None = None) -> list[Instance]:
        """As the labels say; one whose labels were tampered with belongs to nothing that we know."""
        labels = self._labels(organisation=organisation_id)
        if key is not None:
            labels = self._labels(organisation=key.organisation_id, kind=key.noun, id=key.id)
        with _reaching():
            found = self._api.containers(all=True, filters={"label": labels})
        return [_instance(each) for each in found]

    def deploy(
        self, place: Place, revision: int, attempt: int, wanted: Specification, tick: Tick, kept: Collection[int] = ()
    ) -> None:
        """Beside what runs, out of reach of the project's name until it is healthy."""
        with _reaching(), _refusing(CannotDeploy, "refused", wanted):
            image = pull.present(self._api, wanted, tick)
            network = self.network(place)
            nodes: dict[int, str] = {}
            for node in {*range(1, wanted.nodes + 1)}.difference(kept):
                tick()
                nodes[node] = self._run(place, revision, node, attempt, image, wanted, network)
            self._wait(list(nodes.values()), wanted, tick)
            for node, container in nodes.items():
                tick()
                # A dot, which no handle has: a node never takes the name of another resource.
                of_node = [f"node-{node}.{place.handle}"] if wanted.nodes > 1 else []
                self._let_serve(container, network, [place.handle, *of_node])
                self._rename(container, self._name(place.key, revision, node))

    def start(self, instance: Instance) -> None:
        """Docker keeps what it was told at its creation."""
        with _reaching(), _refusing(Refused, "does not start"), _already(GONE, NOT_MODIFIED):
            self._api.start(instance.id)

    def stop(self, instance: Instance) -> None:
        """It is asked to end, and killed after STOP_SECONDS."""
        with _reaching(), _refusing(Refused, "does not stop"), _already(GONE, NOT_MODIFIED):
            self._api.stop(instance.id, timeout=STOP_SECONDS)

    def remove(self, instance: Instance) -> None:
        """Stopped first; that another one removes it at the same moment is as good.

        One that is coming up goes by the name that it has until it serves: if it serves by now, it stays.
        """
        if instance.running and not instance.coming:
            self.stop(instance)
        with _reaching(), _refusing(Refused, "does not remove"), _already(GONE, CONFLICT):
            self._api.remove_container(instance.coming or instance.id, v=True, force=True)

    def network(self, place: Place) -> str:
        """By its labels: Docker lets two networks have one name."""
        labels = self._labels(organisation=place.key.organisation_id, project=place.project_id)
        with _reaching(), _refusing(CannotDeploy, "refused"):
            if found := self._api.networks(filters={"label": labels}):
                return min(str(each["Id"]) for each in found)
            name = f"{PREFIX}-{self._platform[:8]}-{place.key.organisation_id}-{place.project_id}"
            made = dict(each.split("=", 1) for each in labels)
            return str(self._api.create_network(name, driver="bridge", labels=made)["Id"])

    def networks(self, organisation_id: int | None = None) -> list[Network]:
        """As the labels say."""
        with _reaching():
            found = self._api.networks(filters={"label": self._labels(organisation=organisation_id)})
        return [Network(each["Id"], *(_number(each, name) for name in ("organisation", "project"))) for each in found]

    def remove_network(self, network: Network) -> None:
        """Docker refuses it while something is in it; and Docker 20.10, which loses count when many containers end at
        once, goes on refusing an empty one until it is started again (moby issue 42119).
        """
        with _reaching(), _refusing(Refused, "does not remove"), _already(GONE, CONFLICT):
            try:
                self._api.remove_network(network.id)
            except APIError as error:
                if error.status_code != FORBIDDEN or not self._api.inspect_network(network.id)["Containers"]:
                    raise

    def _labels(self, **those: int | str | None) -> list[str]:
        wanted = {"platform": self._platform, **those}
        return [f"{PREFIX}.{name}={value}" for name, value in wanted.items() if value is not None]

    def _name(self, key: ResourceKey, revision: int, node: int) -> str:
        return f"{PREFIX}-{self._platform[:8]}-{key.organisation_id}-{key.noun}-{key.id}-{revision}-{node}"

    def _run(
        self, place: Place, revision: int, node: int, attempt: int, image: str, wanted: Specification, network: str
    ) -> str:
        """Create one container and start it."""
        key = place.key
        labels = self._labels(
            organisation=key.organisation_id,
            project=place.project_id,
            kind=key.noun,
            id=key.id,
            revision=revision,
            node=node,
            attempt=attempt,
        )
        made = self._api.create_container(
            image,
            command=list(wanted.command) or None,
            name=f"{self._name(key, revision, node)}{COMING}{attempt}",
            environment=wanted.environment,
            ports=[wanted.port],
            labels=dict(each.split("=", 1) for each in labels),
            healthcheck=self._health_check(wanted),
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

    def _health_check(self, wanted: Specification) -> dict[str, Any] | None:
        if not wanted.health_path:
            return None
        second = 1_000_000_000
        return {
            "test": ["CMD", *_probe(wanted)],
            "interval": HEALTH_INTERVAL_SECONDS * second,
            "timeout": 2 * PROBE_SECONDS * second,
            "retries": 3,
        }

    def _wait(self, containers: list[str], wanted: Specification, tick: Tick) -> None:
        """Until all of them are up. Raises CannotDeploy."""
        begin = time.monotonic()
        waiting = list(containers)
        said = "nothing answered"
        while waiting:
            tick()
            for each in list(waiting):
                self._require_running(each, wanted)
                if not wanted.health_path:
                    healthy = time.monotonic() - begin >= SETTLED_SECONDS
                else:
                    healthy, said = self._healthy(each, wanted)
                if healthy:
                    waiting.remove(each)
            if waiting and time.monotonic() - begin > max(self._health_seconds, SETTLED_SECONDS):
                for each in waiting:
                    self._require_running(each, wanted)
                raise CannotDeploy(
                    f"health check failed: {wanted.health_path} on port {wanted.port} did not answer well within "
                    f"{self._health_seconds} s ({said})"
                )
            if waiting:
                time.sleep(POLL_SECONDS)

    def _require_running(self, container: str, wanted: Specification) -> None:
        state = self._api.inspect_container(container)["State"]
        if state.get("OOMKilled"):
            raise CannotDeploy(f"out of memory: it needs more than its {wanted.memory_mib} MiB")
        if not state["Running"]:
            raise CannotDeploy(f"it ended at once, with status {state['ExitCode']}")

    def _healthy(self, container: str, wanted: Specification) -> tuple[bool, str]:
        """Asked by ourselves while it comes up: Docker's own first question comes after a whole interval."""
        try:
            asked = self._api.exec_create(container, _probe(wanted), stdout=False, stderr=False)["Id"]
            # Not waited for on the connection: what the image calls `sh` may never end.
            self._api.exec_start(asked, detach=True)
            end = time.monotonic() + PROBE_SECONDS + 1
            while (found := self._api.exec_inspect(asked))["Running"] and time.monotonic() < end:
                time.sleep(PROBE_POLL_SECONDS)
        except APIError as error:
            return False, pull.masked(str(error.explanation or error), wanted)
        status = None if found["Running"] else found["ExitCode"]
        return status == 0, ANSWERS.get(status, f"it says {status}")

    def _let_serve(self, container: str, network: str, names: list[str]) -> None:
        """From now on the project finds it by its name, and it is started again whenever it ends."""
        self._api.disconnect_container_from_network(container, network)
        self._api.connect_container_to_network(container, network, aliases=names)
        self._api.update_container(container, restart_policy={"Name": "unless-stopped"})

    def _rename(self, container: str, name: str) -> None:
        """Last of all, since it is what tells that the container serves; what bears the name is no good any more."""
        try:
            self._api.rename(container, name)
        except APIError as error:
            if error.status_code != CONFLICT:
                raise
            self._api.remove_container(name, v=True, force=True)
            self._api.rename(container, name)


def _probe(wanted: Specification) -> list[str]:
    return ["sh", "-c", PROBE, "sh", f"http://127.0.0.1:{wanted.port}{wanted.health_path}", str(PROBE_SECONDS)]


def _instance(found: dict[str, Any]) -> Instance:
    labels = found["Labels"]
    key = ResourceKey(_number(found, "organisation"), labels.get(f"{PREFIX}.kind", ""), _number(found, "id", BIGINT))
    trouble = ""
    if found["State"] == "restarting":
        trouble = "it keeps ending and is started again"
    elif "(unhealthy)" in found["Status"]:
        trouble = "its health check fails"
    running = found["State"] in ("running", "restarting")
    name = (found["Names"] or [""])[0].lstrip("/")
    coming = name if COMING in name else ""
    revision, node, attempt = (_number(found, each) for each in ("revision", "node", "attempt"))
    return Instance(found["Id"], key, revision, node, running, trouble, coming, attempt)


def _number(found: dict[str, Any], label: str, most: int = INTEGER) -> int:
    """What a label says; 0, which is nobody's, where it says no number that a row could have."""
    told = found["Labels"].get(f"{PREFIX}.{label}", "")
    try:
        return whole_number(told, most)
    except ValueError:
        return 0


@contextmanager
def _reaching() -> Iterator[None]:
    """An engine that is not there, told apart from one that refuses. Raises EngineDown."""
    try:
        yield
    except APIError as error:
        raise EngineDown(f"the engine does not do as told: {error.explanation or error}") from error
    except (RequestException, DockerException) as error:
        raise EngineDown(_down(error)) from error


@contextmanager
def _refusing(failure: type[Exception], does: str, wanted: Specification | None = None) -> Iterator[None]:
    """What the engine says to one thing, as `failure`; nothing of `wanted` that is sealed. Raises EngineDown."""
    try:
        yield
    except APIError as error:
        if error.status_code == pull.UNAVAILABLE:
            raise
        said = str(error.explanation or error)
        raise failure(f"the engine {does} it: {pull.masked(said, wanted) if wanted else said}") from None


@contextmanager
def _already(*statuses: int) -> Iterator[None]:
    """That it is done already is as good as doing it."""
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
    return " ".join(told.split())[:200]
