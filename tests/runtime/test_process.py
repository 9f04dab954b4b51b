"""The runtime as a process of its own, as an operator starts it."""

import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from redis import Redis

from bench.engine import Engine
from models import installation
from models.jobs.observation import ResourceKey
from models.jobs.queue import Hinted
from models.kinds.container import Container
from models.kinds.secret import Secret
from models.organisation import Organisation
from models.project import Project
from models.sealed import KEYRING
from models.settings import Settings
from models.transaction import transaction
from tests.runtime.conftest import converge, ran, running
from tests.support import processes
from tests.support.log import latest_entry, summaries
from tests.support.processes import environment, process, until
from tests.support.servers import KEY
from worker.engine.docker import DockerEngine
from worker.hint import hint, hint_at_engine

CANARY = "canary-7f3a"


def told(acme: Organisation, what: str) -> bool:
    """Whether the log has such an entry."""
    return any(what in each for each in summaries(acme))


def until_it_is_so(organisation: Organisation, ready: Callable[[], bool], log: Path) -> None:
    """Wait for it, while the runtime is asked again and again, as the schedule does: it may have had to wait."""

    def asked_again() -> bool:
        hint_at_engine(organisation.id)
        return ready()

    until(lambda: ready() or asked_again(), log, every=2)


def with_secret(web: Project, ada: Any, image: str, **more: Any) -> list[Hinted]:
    """A container with a secret and a variable that nobody may see."""
    with transaction():
        web.create(ada, Secret, handle="token", value=CANARY)
    with transaction() as hints:
        web.create(
            ada,
            Container,
            name="my-api",
            handle="my-api",
            image=image,
            memory_mib=64,
            environment=f"MODE={CANARY}",
            secrets=["token"],
            **more,
        )
    return hints


def test_a_hint_has_it_deployed_and_nothing_sealed_is_in_messages_or_on_the_screen(
    settings: Settings, engine: Engine, acme: Organisation, web: Project, ada: Any, tmp_path: Path
) -> None:
    redis = Redis.from_url(settings.redis_url)
    hints = with_secret(web, ada, "acme/web:1")
    for key in hints:
        hint(key)
    waiting = redis.lrange("activity-log-runtime", 0, -1)
    with processes.runtime(settings, engine.host, tmp_path):
        until_it_is_so(acme, lambda: told(acme, "deployed acme/web:1"), tmp_path / "runtime.log")
        with transaction() as hints:
            web.create(
                ada, Container, name="b", handle="b", image="acme/ends:1", secrets=["token"], cpu_millicores=64_000
            )
        for key in hints:
            hint(key)
        until_it_is_so(
            acme, lambda: told(acme, "Container b failed to deploy: the engine refused it"), tmp_path / "runtime.log"
        )

    assert waiting
    assert CANARY not in repr(waiting)
    assert CANARY not in (tmp_path / "runtime.log").read_text()
    assert not [each for each in summaries(acme) if CANARY in each]


def test_a_lost_hint_is_found_when_it_starts_and_what_was_lost_meanwhile_is_brought_back(
    settings: Settings, engine: Engine, acme: Organisation, api: Container, tmp_path: Path
) -> None:
    log = tmp_path / "runtime.log"
    with processes.runtime(settings, engine.host, tmp_path):
        until_it_is_so(acme, lambda: told(acme, "deployed acme/web:1"), log)
    engine.clear()
    with processes.runtime(settings, engine.host, tmp_path):
        until_it_is_so(acme, lambda: len(running(engine)) == 1, log)

    assert installation.engine().engine.startswith("Docker ")  # type: ignore[union-attr]


def test_killed_in_the_middle_the_next_one_finishes(
    settings: Settings, engine: Engine, acme: Organisation, api: Container, ada: Any, tmp_path: Path
) -> None:
    with transaction():
        api.update(ada, api.version, health_path="/late")
    patient = replace(settings, docker_host=engine.host, health_seconds=60)
    with process(patient, tmp_path / "first.log", "runtime") as first:
        until_it_is_so(acme, lambda: len(running(engine)) == 1, tmp_path / "first.log")
        first.kill()
        first.wait()
    [one] = running(engine)
    ran(engine, one["Id"], ["sh", "-c", "echo well > /www/late"])
    assert not told(acme, "deployed")
    with transaction():
        api.update(ada, api.version, health_path="/health")
    with process(patient, tmp_path / "second.log", "runtime"):
        until_it_is_so(acme, lambda: told(acme, "deployed acme/web:1"), tmp_path / "second.log")

    assert len(engine.ours()) == 1


def test_one_round_by_hand(settings: Settings, engine: Engine, acme: Organisation, api: Container) -> None:
    def reconcile(docker_host: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-c", "from web.cli import main; main()", "reconcile"],
            env=environment(replace(settings, docker_host=docker_host), 8000),
            capture_output=True,
            text=True,
            check=False,
        )

    assert reconcile(engine.host).stdout == "Brought 1 in line.\n"
    assert reconcile(engine.host).stdout == "Everything runs as it should.\n"
    assert "The engine does not answer" in reconcile("unix:///nowhere.sock").stderr
    assert "There is no engine" in reconcile("none").stderr


def test_a_secret_whose_key_is_gone_is_a_reason_and_not_a_crash(
    settings: Settings, runtime: DockerEngine, engine: Engine, acme: Organisation, web: Project, ada: Any
) -> None:
    [key] = with_secret(web, ada, "acme/web:1")
    assert isinstance(key, ResourceKey)
    api = web.find(Container, "my-api")
    KEYRING.load(f"k2:{KEY}")
    try:
        converge(runtime, api)
    finally:
        KEYRING.load(settings.encryption_keys)

    assert "failed to deploy: a value of" in latest_entry(acme).summary
    assert "is not in ENCRYPTION_KEYS" in latest_entry(acme).summary
    assert engine.ours() == []


@pytest.mark.parametrize("seconds", [0, 3601])
def test_how_long_a_health_check_may_take_has_bounds(settings: Settings, seconds: int) -> None:
    told = environment(replace(settings, health_seconds=seconds), 8000)
    with pytest.raises(Exception, match="HEALTH_SECONDS must be a whole number from 1 to 3600"):
        Settings.from_environment(told)
