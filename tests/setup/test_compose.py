"""docker-compose.yml as a careful operator wants it; what it tells Valkey to run is tried."""

import os
import re
import signal
import subprocess
from pathlib import Path

import psutil
import pytest
from redis import Redis
from redis.exceptions import RedisError

from models.settings import OF_OWNER, OF_SCHEDULER, OF_SEALER, OF_WORKER, REQUIRED
from tests.support.processes import free_port, until
from web.cli.local import embedded

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "docker-compose.yml").read_text()
SERVICES = dict(
    re.findall(r"^  ([a-z]+):\n((?:    .*\n|\n|  #.*\n)+)", TEXT.partition("\nservices:\n")[2], re.MULTILINE)
)
SHARED = dict(re.findall(r"^x-[a-z]+: &([a-z]+)\n((?:  .*\n)+)", TEXT, re.MULTILINE))
# Whatever the settings say that a process needs, and what makes it ours to guard.
SECRETS = {*REQUIRED, *OF_SEALER, "DATABASE_OWNER_URL"}
NEEDS = {
    "migrate": OF_OWNER,
    "web": REQUIRED,
    "worker": OF_SEALER,
    "runtime": OF_WORKER,
    "scheduler": OF_SCHEDULER,
    "operator": (*OF_SEALER, *OF_OWNER),
    "postgres": (),
    "valkey": (),
}
NAME = re.compile(r"^\s+([A-Z_]+):", re.MULTILINE)


def whole(text: str) -> str:
    """A service or a part that several share, with those that it takes over."""
    taken = [each for found in re.findall(r"<<: \[?([*a-z, -]+)\]?", text) for each in re.findall(r"\*([a-z]+)", found)]
    return text + "".join(whole(SHARED[each]) for each in taken)


def test_every_service_is_looked_at() -> None:
    assert SERVICES.keys() == NEEDS.keys()


@pytest.mark.parametrize("service", NEEDS)
def test_each_service_gets_the_secrets_that_it_needs_and_no_others(service: str) -> None:
    assert set(NAME.findall(whole(SERVICES[service]))) & SECRETS == set(NEEDS[service])


@pytest.mark.parametrize("service", NEEDS)
def test_each_service_is_closed_and_limited(service: str) -> None:
    text = whole(SERVICES[service])
    wanted = (
        "read_only: true",
        "cap_drop: [ALL]",
        'security_opt: ["no-new-privileges:true"]',
        "pids_limit: ",
        "mem_limit: ",
        "max-size: ",
        "tmpfs: [",
    )

    assert [each for each in wanted if each not in text] == []


def test_images_of_others_are_of_one_minor_version() -> None:
    images = re.findall(r"image: (\S+:\S+)", TEXT) + re.findall(
        r"^FROM (\S+:\S+)", (ROOT / "Dockerfile").read_text(), re.M
    )

    assert images
    assert [each for each in images if not re.search(r":\d+\.\d+(-[a-z-]+)?$", each)] == []


def test_valkey_is_the_first_process_of_its_container_and_ends_when_it_is_told_to(tmp_path: Path) -> None:
    [script] = re.findall(r"      - \|\n((?:        .*\n)+)", SERVICES["valkey"])
    port = free_port()
    (tmp_path / "data").mkdir()
    here = {
        "$$": "$",
        "/tmp/": f"{tmp_path}/",  # noqa: S108 (its own, in a container)
        "/data": str(tmp_path / "data"),
        "appendonly": f"port {port}\\nappendonly",
    }
    for there, where in here.items():
        script = script.replace(there, where)
    programs = embedded.valkey_server().parent
    environ = {"PATH": f"{programs}:{os.environ['PATH']}", "REDIS_PASSWORD": "a-password"}
    with (tmp_path / "log").open("wb") as log:
        started = subprocess.Popen(["sh", "-c", script], env=environ, stdout=log, stderr=log)  # noqa: S603, S607
    try:
        client = Redis(port=port, password="a-password", socket_timeout=2)
        until(lambda: answers(client), tmp_path / "log")
        process = psutil.Process(started.pid)
        assert process.name().startswith("valkey-server")
        assert not any("a-password" in word for word in process.cmdline())
        assert (tmp_path / "valkey.conf").stat().st_mode & 0o077 == 0
        started.send_signal(signal.SIGTERM)
        assert started.wait(20) == 0
    finally:
        started.kill()
        started.wait()


def answers(client: Redis) -> bool:
    """Whether it does."""
    try:
        return bool(client.ping())
    except RedisError:
        return False
