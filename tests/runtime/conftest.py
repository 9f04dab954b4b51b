"""The engine as the worker uses it, and what tests look at on it."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from docker import APIClient
from flask import Flask, current_app

from bench.engine import Engine
from bench.engine import Registry as PrivateRegistry
from models import installation
from models.database import db
from models.jobs.job import JobKey
from models.jobs.observation import ResourceKey
from models.jobs.queue import Hinted
from models.kinds.container import Container
from models.kinds.memcached import Memcached
from models.kinds.registry import Registry
from models.kinds.running import Running
from models.organisation import Organisation
from models.project import Project
from models.system import cascade
from models.transaction import transaction
from worker.engine import reconcile
from worker.engine.docker import DockerEngine

HEALTH_SECONDS = 6
PATIENCE_SECONDS = 200
# For half a minute.
TRIES, PAUSE_SECONDS = 100, 0.3
FETCH = ("timeout", "3", "wget", "-q", "-O", "-")


@pytest.fixture
def runtime(engine: Engine, app: Flask) -> DockerEngine:
    """The engine as the worker uses it."""
    return DockerEngine(engine.host, platform_id(), HEALTH_SECONDS)


def platform_id() -> str:
    """The identity of the platform that the test is about."""
    with transaction():
        return installation.identity()


@pytest.fixture
def api(web: Project, ada: Any) -> Container:
    """A container that serves."""
    with transaction():
        return web.create(ada, Container, name="my-api", handle="my-api", image="acme/web:1", memory_mib=64)


def converge(runtime: DockerEngine, *things: Running) -> None:
    """What the worker does on a hint, in a session of its own."""
    for key in [each.key for each in things]:
        with current_app.app_context():
            reconcile.converge(runtime, key)


def running(engine: Engine, key: ResourceKey | None = None) -> list[dict[str, Any]]:
    """Our containers that run, newest first."""
    labels = ["activity-log.platform"]
    if key is not None:
        labels += [f"activity-log.kind={key.noun}", f"activity-log.id={key.id}"]
    found: list[dict[str, Any]] = engine.api.containers(filters={"label": labels})
    return found


def fetch(engine: Engine, inside: str, address: str) -> str:
    """What a container of ours gets when it asks for an address."""
    return said(engine, inside, [*FETCH, address])


def said(engine: Engine, inside: str, command: list[str]) -> str:
    """What a command in a container of ours says.

    Asked again while it fails, as who has just started may not listen yet, and while nothing came: of 1,500 commands
    that did well, Docker lost what two had said.
    """
    for _ in range(TRIES):
        status, found = ran(engine, inside, command)
        if status == 0 and found:
            return found
        time.sleep(PAUSE_SECONDS)
    raise AssertionError(f"{command} ended with {status} and said {found!r}")


def reaches(engine: Engine, inside: str, address: str) -> bool:
    """Whether a container of ours gets an answer from an address, asked once."""
    return ran(engine, inside, [*FETCH, address])[0] == 0


def ran(engine: Engine, inside: str, command: list[str]) -> tuple[int, str]:
    """With what a command in a container ended, and what it said as far as Docker has not lost it."""
    asked = engine.api.exec_create(inside, command)
    found = engine.api.exec_start(asked["Id"]).decode()
    return engine.api.exec_inspect(asked["Id"])["ExitCode"], found


def change(container: Container, actor: Any, **values: Any) -> None:
    """As a person does on its page."""
    db.session.refresh(container)
    with transaction():
        container.update(actor, container.version, **values)


def observed(thing: Container | Memcached) -> tuple[str | None, int | None]:
    """Status and deployed revision as they are stored now."""
    db.session.refresh(thing)
    found = thing.status, thing.deployed_revision
    db.session.rollback()
    return found


def everything(runtime: DockerEngine, organisation: Organisation | None = None, later: timedelta = timedelta()) -> int:
    """A round of the schedule, in a session of its own, so much later than now."""
    organisation_id = organisation.id if organisation else None
    with current_app.app_context():
        return reconcile.converge_all(runtime, organisation_id, now=datetime.now(UTC) + later)


def containers(web: Project, ada: Any, count: int) -> list[Container]:
    """So many of them."""
    with transaction():
        return [
            web.create(ada, Container, name=f"c-{each}", handle=f"c-{each}", image="acme/web:1", memory_mib=64)
            for each in range(count)
        ]


def from_private(web: Project, ada: Any, private_registry: PrivateRegistry, image: str) -> Container:
    """One whose image is in a registry with a password."""
    with transaction():
        web.create(
            ada,
            Registry,
            handle="main",
            server=private_registry.server,
            username=private_registry.username,
            password=private_registry.password,
        )
    with transaction():
        return web.create(
            ada,
            Container,
            name="shop",
            handle="shop",
            image=image,
            registry_handle="main",
            memory_mib=64,
        )


def containers_named(web: Project, ada: Any, name: str) -> Container:
    """One more."""
    with transaction():
        return web.create(ada, Container, name=name, handle=name, image="acme/web:1", memory_mib=64)


@contextmanager
def before(request: str, happens: Callable[..., object]) -> Iterator[None]:
    """Something happens right before the engine is asked for `request`, a method of Docker's own client."""
    asked = getattr(APIClient, request)

    def ask(client: APIClient, *arguments: Any, **options: Any) -> Any:
        happens(*arguments)
        return asked(client, *arguments, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(APIClient, request, ask)
        yield


def run_jobs(hints: list[Hinted]) -> None:
    """Run the jobs that a transaction has left, as the worker does."""
    with current_app.app_context():
        for key in hints:
            if isinstance(key, JobKey):
                cascade.run(key)


def our_networks(engine: Engine) -> list[dict[str, Any]]:
    """The networks that bear our label."""
    found: list[dict[str, Any]] = engine.api.networks(filters={"label": "activity-log.platform"})
    return found


def expire(acme: Organisation) -> None:
    """Leases have run out, and what was put off is due."""
    due = db.text("UPDATE deployments SET lease_until = NULL, due_at = clock_timestamp() - interval '1 second'")
    with transaction():
        db.session.execute(due)
