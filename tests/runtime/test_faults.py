"""An engine that cannot: deployments wait for it, everyone is told as much as they need, and then they are done."""

import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from bench import engine as engines
from bench.engine import Engine
from bench.images import program
from models import installation
from models.jobs import deployment, deployment_history, waiting
from models.jobs.fault import Fault
from models.kinds.container import Container
from models.log.actor import Actor
from models.organisation import Organisation
from models.project import Project
from models.transaction import transaction
from tests.runtime.conftest import HEALTH_SECONDS, containers_named, converge, expire, observed, platform_id, running
from tests.support.log import entries, summaries
from worker.engine.docker import DockerEngine

DISK_MIB = 96


@pytest.fixture(scope="module")
def small_engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """An engine with a small disk, and addresses for one network."""
    if reason := engines.why_not():
        pytest.skip(reason)
    folder = tmp_path_factory.mktemp("small")
    (folder / "data").mkdir()
    size = f"size={DISK_MIB}m"
    subprocess.run([program("mount"), "-t", "tmpfs", "-o", size, "tmpfs", str(folder / "data")], check=True)  # noqa: S603
    try:
        with engines.engine(folder, pool="base=10.214.0.0/24,size=24") as started:
            yield started
    except engines.NoEngineHere as why_not:
        pytest.skip(str(why_not))


@pytest.fixture
def small(small_engine: Engine, app: Flask) -> Iterator[DockerEngine]:
    """That engine as the worker uses it, with nothing on it."""
    small_engine.clear()
    yield DockerEngine(small_engine.host, platform_id(), HEALTH_SECONDS)
    small_engine.clear()


def fill(engine: Engine) -> Path:
    """Leave no room on its disk."""
    full = engine.folder / "data" / "full"
    subprocess.run(["dd", "if=/dev/zero", f"of={full}", "bs=4k"], check=False, capture_output=True)  # noqa: S603, S607
    return full


def why(container: Container) -> tuple[str, str]:
    """How far its newest deployment is, and the reason on its page."""
    newest = deployment_history.history(container.key)[0]
    return newest.status, newest.reason


def faults() -> list[Fault]:
    """What the operator is told."""
    return [each.fault for each in waiting.waiting(datetime.now(UTC))]


def test_a_deployment_waits_for_room_on_the_disk_and_is_done_then(
    small: DockerEngine, small_engine: Engine, app: Flask, acme: Organisation, api: Container
) -> None:
    told = len(entries(acme))
    with transaction():
        installation.report("Docker", datetime.now(UTC))
    full = fill(small_engine)
    try:
        converge(small, api)
        assert why(api) == ("provisioning", f"it waits, since {Fault.DISK_FULL.words}, and is tried again")
        assert faults() == [Fault.DISK_FULL]
        well = app.test_client().get("/healthz")
        assert (well.status_code, well.json) == (200, {"database": "ok", "broker": "ok", "engine": "degraded"})
        assert len(entries(acme)) == told
    finally:
        full.unlink()
    expire(acme)
    converge(small, api)

    assert observed(api) == ("running", 1)
    assert faults() == []
    assert app.test_client().get("/healthz").json == {"database": "ok", "broker": "ok", "engine": "ok"}
    assert len(entries(acme)) == told + 1


def test_a_deployment_waits_for_a_network_and_is_done_when_there_is_one(
    small: DockerEngine, small_engine: Engine, acme: Organisation, api: Container
) -> None:
    taken = small_engine.api.create_network("taken", driver="bridge")["Id"]
    converge(small, api)
    assert why(api)[0] == "provisioning"
    assert faults() == [Fault.NO_NETWORKS]
    small_engine.api.remove_network(taken)
    expire(acme)
    converge(small, api)

    assert observed(api) == ("running", 1)


def test_what_served_and_cannot_come_back_is_said_to_be_down_by_kind_and_once_and_tried_less_and_less_often(
    small: DockerEngine, small_engine: Engine, acme: Organisation, api: Container, caplog: pytest.LogCaptureFixture
) -> None:
    converge(small, api)
    [one] = running(small_engine)
    small_engine.api.remove_container(one["Id"], force=True)
    full = fill(small_engine)
    waits: list[timedelta] = []
    try:
        for _ in range(3):
            expire(acme)
            begun = datetime.now(UTC)
            converge(small, api)
            waits += [each.next_at - begun for each in waiting.waiting(begun)]
        assert [wait >= timedelta(seconds=least) for wait, least in zip(waits, (2, 4, 8), strict=True)] == [True] * 3
        assert observed(api) == ("error", 1)
        assert summaries(acme)[-1] == f"Container my-api is down: {Fault.DISK_FULL.words}"
        assert len([each for each in summaries(acme) if "is down" in each]) == 1
    finally:
        full.unlink()
    expire(acme)
    converge(small, api)

    assert summaries(acme)[-1].startswith("Container my-api is up again: acme/web:1")
    # Its own words are for the operator alone.
    assert str(small_engine.folder) in caplog.text
    assert not [each for each in entries(acme) if "/" in each.summary.replace("acme/web:1", "")]


def test_no_short_value_is_given_away_by_hiding_it(
    small: DockerEngine, acme: Organisation, web: Project, ada: Actor
) -> None:
    with transaction():
        api = web.create(
            ada, Container, name="b", handle="b", image="acme/web:1", environment="A=a\nB=e", cpu_millicores=64_000
        )
    converge(small, api)

    assert summaries(acme)[-1] == f"Container b failed to deploy: the engine refused it: {Fault.TOO_MANY_CPUS.words}"


def test_what_an_operator_is_told_ends_when_it_does_not_wait_any_more(
    small: DockerEngine, small_engine: Engine, acme: Organisation, web: Project, ada: Any
) -> None:
    taken = small_engine.api.create_network("taken", driver="bridge")["Id"]
    one, other = (containers_named(web, ada, name) for name in ("one", "other"))
    converge(small, one, other)
    [found] = waiting.waiting(datetime.now(UTC))
    assert (found.fault, found.deployments) == (Fault.NO_NETWORKS, 2)
    with transaction():
        one.end(ada)
        other.end(ada)
    with transaction():
        deployment.cancel_ended()
    small_engine.api.remove_network(taken)

    assert faults() == []
