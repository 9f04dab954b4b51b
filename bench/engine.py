"""A private Docker Engine and registry in a network of their own.

For measuring and for the tests.
"""

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import docker
from docker.errors import APIError, DockerException
from requests.exceptions import RequestException

from bench import images
from bench.images import PATH, program
from bench.processes import free_port, until

# More networks than the thirty that an engine has by itself.
POOL = "base=10.213.0.0/16,size=24"
PROGRAMS = ("dockerd", "iptables", "docker-registry", "htpasswd", "memcached", "busybox", "unshare", "nsenter")


class NoEngineHere(Exception):
    """This machine has no rights or no programs for it."""


def why_not() -> str | None:
    """Why no engine can be had here; None when one can."""
    if os.geteuid() != 0:
        return "a private container engine needs root"
    missing = [each for each in PROGRAMS if shutil.which(each, path=PATH) is None]
    return f"a private container engine needs {', '.join(missing)}: .ci/engine installs them" if missing else None


@dataclass
class Engine:
    """A running `dockerd`, which can be killed and started again over the same data.

    It has a network of its own: an engine that starts throws away the firewall rules of one that runs beside it.
    """

    folder: Path
    network: subprocess.Popen[bytes]
    process: subprocess.Popen[bytes]
    pool: str
    """The addresses that it has for networks."""

    def inside(self, *command: str) -> list[str]:
        """The command in the engine's network, whose loopback is not the machine's."""
        return _inside(self.network, *command)

    @property
    def host(self) -> str:
        """For DOCKER_HOST."""
        return f"unix://{self.folder / 'docker.sock'}"

    @property
    def api(self) -> docker.APIClient:
        """For looking at it, and for what someone else does on it."""
        return docker.APIClient(self.host, version="auto")

    def kill(self) -> None:
        """With the containerd that it has started, as the kernel does when memory runs out."""
        self.process.kill()
        self.process.wait()
        pid_file = self.folder / "run" / "containerd" / "containerd.pid"
        if pid_file.exists():
            with suppress(ProcessLookupError):
                os.kill(int(pid_file.read_text()), signal.SIGKILL)
            pid_file.unlink()

    def end(self) -> None:
        """As it ends by itself when it is asked to."""
        self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.kill()

    def start_again(self) -> None:
        """Over the same data."""
        (self.folder / "pid").unlink(missing_ok=True)
        self.process = _dockerd(self.folder, self.network, self.pool)
        _wait_for(self)

    def ours(self) -> list[dict[str, object]]:
        """The containers that bear any of our labels."""
        found: list[dict[str, object]] = self.api.containers(all=True, filters={"label": "activity-log.platform"})
        return found

    def clear(self) -> None:
        """Remove every container and every network that was made."""
        for each in self.api.containers(all=True):
            self.api.remove_container(each["Id"], force=True, v=True)
        try:
            self._remove_networks()
        except APIError:
            self.recount()
            self._remove_networks()

    def recount(self) -> None:
        """Start it again: Docker 20.10 loses count of what is in a network when many containers end at once, and then
        keeps an empty one (moby issue 42119).
        """
        self.end()
        self.start_again()

    def _remove_networks(self) -> None:
        for each in self.api.networks(filters={"type": "custom"}):
            self.api.remove_network(each["Id"])


@contextmanager
def engine(folder: Path, pool: str = POOL) -> Iterator[Engine]:
    """A private engine with our images on it. Raises NoEngineHere."""
    if reason := why_not():
        raise NoEngineHere(reason)
    network = _network()
    running = Engine(folder, network, _dockerd(folder, network, pool), pool)
    try:
        try:
            _wait_for(running)
            running.api.remove_network(running.api.create_network("trial", driver="bridge")["Id"])
        except (TimeoutError, DockerException, RequestException) as error:
            raise NoEngineHere(f"no container engine runs here: {error}; its log ends:\n{_log(folder)}") from error
        images.fill(running.api)
        yield running
        running.clear()
    finally:
        running.end()
        _unmount(folder)
        network.kill()
        network.wait()


@dataclass(frozen=True)
class Registry:
    """A registry with a password."""

    server: str
    username: str = "ci"
    password: str = "a registry's pass word"  # noqa: S105 (it guards nothing)


@contextmanager
def registry(folder: Path, engine: Engine) -> Iterator[Registry]:
    """A private registry that holds acme/private:1 and acme/private:2, which the engine does not."""
    port = free_port()
    running = Registry(f"127.0.0.1:{port}")
    htpasswd = subprocess.run(  # noqa: S603
        [program("htpasswd"), "-nbB", running.username, running.password], capture_output=True, check=True
    ).stdout
    (folder / "htpasswd").write_bytes(htpasswd)
    (folder / "config.yml").write_text(f"""
version: 0.1
log: {{level: error}}
storage: {{filesystem: {{rootdirectory: {folder}/images}}}}
http: {{addr: "{running.server}"}}
auth: {{htpasswd: {{realm: tests, path: {folder}/htpasswd}}}}
""")
    with (folder / "registry.log").open("wb") as out:
        process = subprocess.Popen(  # noqa: S603
            engine.inside(program("docker-registry"), "serve", str(folder / "config.yml")), stdout=out, stderr=out
        )
    try:
        for tag in ("1", "2"):
            name = f"{running.server}/acme/private"
            images.make(engine.api, f"{name}:{tag}", images.SERVE)
            auth = {"username": running.username, "password": running.password}
            until(partial(_pushed, engine, name, tag, auth), folder / "registry.log")
            engine.api.remove_image(f"{name}:{tag}", force=True)
        yield running
    finally:
        process.kill()
        process.wait()


def _pushed(engine: Engine, name: str, tag: str, auth: dict[str, str]) -> bool:
    events = engine.api.push(name, tag=tag, auth_config=auth, stream=True, decode=True)
    return not any("error" in each for each in list(events))


def _network() -> subprocess.Popen[bytes]:
    """Keeps a network that has a loopback, until it is killed or whoever started it ends. Raises NoEngineHere."""
    begin = f"{program('busybox')} ifconfig lo up && echo up && exec cat"
    keeper = subprocess.Popen(  # noqa: S603
        [program("unshare"), "--net", "sh", "-c", begin], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert keeper.stdout
    if not keeper.stdout.readline():
        raise NoEngineHere("a private container engine needs a network of its own, which cannot be made here")
    return keeper


def _inside(network: subprocess.Popen[bytes], *command: str) -> list[str]:
    return [program("nsenter"), f"--net=/proc/{network.pid}/ns/net", *command]


def _dockerd(folder: Path, network: subprocess.Popen[bytes], pool: str) -> subprocess.Popen[bytes]:
    with (folder / "dockerd.log").open("ab") as out:
        return subprocess.Popen(  # noqa: S603
            _inside(
                network,
                program("dockerd"),
                "--host",
                f"unix://{folder / 'docker.sock'}",
                "--data-root",
                str(folder / "data"),
                "--exec-root",
                str(folder / "run"),
                "--pidfile",
                str(folder / "pid"),
                "--bridge",
                "none",
                "--default-address-pool",
                pool,
            ),
            stdout=out,
            stderr=out,
            stdin=subprocess.DEVNULL,
            env={**os.environ, "PATH": PATH},
            start_new_session=True,
        )


def _unmount(folder: Path) -> None:
    """What a killed engine has left mounted, so that the folder can be removed."""
    for line in Path("/proc/mounts").read_text().splitlines():
        place = line.split()[1]
        if place.startswith(f"{folder}/"):
            subprocess.run([program("umount"), "--lazy", place], check=False, capture_output=True)  # noqa: S603


def _wait_for(running: Engine) -> None:
    def answers() -> bool:
        try:
            return bool(running.api.ping())
        except (DockerException, RequestException):
            return False

    until(answers, running.folder / "dockerd.log", lambda: running.process.poll() is not None)


def _log(folder: Path) -> str:
    return "\n".join(each.read_text(errors="replace")[-1500:] for each in sorted(folder.glob("*.log")))
