"""`activity-log engine` on a real engine, and what `up` tells of it."""

import re
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bench.engine import Engine
from models.kinds.container import Container
from models.settings import Settings
from tests.conftest import PASSWORD
from tests.runtime.conftest import converge, our_networks, platform_id, running
from tests.setup.running import PATIENCE_SECONDS, UP, Running, finish
from tests.support.clients import Browser
from tests.support.processes import environment
from tests.support.processes import runtime as runtime_process
from worker.engine.docker import DockerEngine

GONE = "11111111-2222-3333-4444-555555555555"


@pytest.fixture
def up(tmp_path: Path) -> Iterator[Callable[..., Running]]:
    """Start one; whatever is left of any is killed in the end."""
    started: list[Running] = []

    def start(**environ: str) -> Running:
        started.append(Running(tmp_path / f"data-{len(started)}", **environ))  # type: ignore[arg-type]
        return started[-1]

    yield start
    finish(started, tmp_path)


def type_in(settings: Settings, engine: Engine, *words: str, answer: str = "") -> tuple[int, str]:
    """What a command answers, and what it prints."""
    done = subprocess.run(  # noqa: S603 (our own program)
        [*UP[:-1], "engine", *words],
        env=environment(replace(settings, docker_host=engine.host)),
        input=answer,
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


def test_what_is_there_is_listed_and_ended_after_a_question(
    engine: Engine, runtime: DockerEngine, settings: Settings, api: Container
) -> None:
    converge(runtime, api)
    listed = type_in(settings, engine, "list")[1]
    refused = type_in(settings, engine, "down", answer="n\n")
    kept = running(engine)
    ended = type_in(settings, engine, "down", answer="y\n")

    assert f"installation {platform_id()}: 1 container." in listed
    assert re.search(r"^  container my-api  revision 1, node 1  running  ", listed, re.MULTILINE)
    assert (refused[0], len(kept)) == (1, 1)
    assert "Removed 1 container and 1 network." in ended[1]
    assert (engine.ours(), our_networks(engine)) == ([], [])
    assert "has nothing of the installation" in type_in(settings, engine, "down")[1]


def test_what_an_installation_that_is_gone_has_left_is_told_and_ended_by_its_identity(
    engine: Engine, runtime: DockerEngine, settings: Settings, api: Container
) -> None:
    converge(runtime, api)
    labels = {"activity-log.platform": GONE}
    engine.api.create_container("acme/web:1", name="left-behind", labels=labels)
    told = type_in(settings, engine, "list")[1]
    lost = replace(settings, database_url="postgresql://nobody@127.0.0.1:1/nothing")
    ended = type_in(lost, engine, "down", "--yes", "--installation", GONE)

    assert f"Another installation, {GONE}, has 1 container there." in told
    assert ended == (
        0,
        "Removed 1 container and 0 networks. What should run is brought up again when `activity-log "
        "runtime` is started.\n",
    )
    left = engine.api.containers(all=True, filters={"label": "activity-log.platform"})
    assert [each["Labels"]["activity-log.platform"] for each in left] == [platform_id()]


def test_nothing_is_ended_under_the_hands_of_a_runtime_process(
    engine: Engine, settings: Settings, api: Container, tmp_path: Path
) -> None:
    with runtime_process(settings, engine.host, tmp_path):
        status, printed = type_in(settings, engine, "down", "--yes")

    assert (status, printed) == (1, "Error: The runtime process would start them again: end it first.\n")


def test_up_says_what_it_will_do_there_and_what_goes_on_in_the_end(
    engine: Engine, up: Callable[..., Running], settings: Settings
) -> None:
    started = up(DOCKER_HOST=engine.host).wait()
    ada = Browser(int(started.port))
    ada.send("/signup", name="Ada", email="ada@example.com", password=PASSWORD)
    ada.send("/orgs/new", name="Acme", handle="acme", email="ada@example.com")
    ada.send("/orgs/acme/projects/new", name="Web", handle="web")
    made = {"image": "acme/web:1", "port": "80", "health_path": "", "cpu_millicores": "100", "memory_mib": "64"}
    ada.send("/orgs/acme/projects/web/containers/new", name="api", handle="api", **made, environment="")
    started.until(lambda: bool(running(engine)))
    started.process.terminate()

    assert started.status() == 0
    assert f"Docker {engine.api.version()['Version']} at {engine.host}." in started.printed
    assert "0 containers run there now" in started.printed
    assert "Everything is ended.\n1 container goes on running on Docker" in started.printed
    assert platform_of(running(engine)[0]) in started.printed


def test_up_says_why_an_engine_cannot_be_used(engine: Engine, up: Callable[..., Running], tmp_path: Path) -> None:
    none = up().wait()
    silent = up(DOCKER_HOST=f"unix://{tmp_path}/nothing.sock").wait()

    assert "Container engine: none (DOCKER_HOST=none). What should run is recorded, and nothing is run." in none.printed
    assert f"Container engine: unix://{tmp_path}/nothing.sock cannot be used (nothing listens there)" in silent.printed


def platform_of(container: dict[str, Any]) -> str:
    """The label by which an installation knows it, as it is told."""
    return f"activity-log.platform={container['Labels']['activity-log.platform']}"
