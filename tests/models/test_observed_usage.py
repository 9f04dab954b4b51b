"""Nothing is charged for what was not seen running."""

from collections.abc import Iterator

import psycopg
import pytest
from flask import Flask

from models.billing import usage
from models.billing.usage import Usage
from models.database import db
from models.jobs import deployment
from models.jobs.observation import Observed, observe
from models.kinds.container import Container
from models.log.actor import Actor
from models.organisation import Organisation
from models.transaction import transaction
from tests.support.deployments import deployed
from tests.support.proof import violations
from tests.support.work import run

OF_API = Usage(cpu_millicores=250, memory_mib=256)


@pytest.fixture(autouse=True)
def counted(app: Flask, superuser: psycopg.Connection) -> Iterator[None]:
    """After each of these, the account counts exactly what runs."""
    yield
    db.session.rollback()
    assert violations(superuser) == []


def seen(api: Container, status: str | None) -> None:
    """A look at the engine."""
    db.session.rollback()
    db.session.refresh(api)
    with transaction():
        observe([Observed(api.key, api.deployed_revision, status)])


def fail(api: Container) -> None:
    """Its newest deployment does not come up."""
    with transaction():
        lease = deployment.claim(api.key, api.revision)
    assert lease
    with transaction():
        deployment.fail(lease, "image not found")


def resized(api: Container, ada: Actor) -> None:
    """Someone asks for eight times the CPU."""
    db.session.refresh(api)
    with transaction():
        api.update(ada, api.version, cpu_millicores=2000)


def test_what_no_engine_runs_costs_nothing(acme: Organisation, api: Container) -> None:
    assert usage.in_use(acme.id) == Usage()


def test_a_first_deployment_that_failed_costs_nothing(acme: Organisation, api: Container) -> None:
    fail(api)
    seen(api, "error")

    assert usage.in_use(acme.id) == Usage()


def test_what_was_deployed_costs_while_it_is_seen_running(acme: Organisation, api: Container) -> None:
    deployed(api.key, 1)
    assert usage.in_use(acme.id) == OF_API
    for status, costs in (("running", OF_API), ("stopped", Usage()), ("error", Usage()), ("running", OF_API)):
        seen(api, status)
        assert usage.in_use(acme.id) == costs


def test_a_change_of_its_limits_counts_once_it_is_deployed(acme: Organisation, api: Container, ada: Actor) -> None:
    deployed(api.key, 1)
    resized(api, ada)
    assert usage.in_use(acme.id) == OF_API
    deployed(api.key, 2)

    assert usage.in_use(acme.id) == OF_API._replace(cpu_millicores=2000)


def test_what_goes_on_after_a_failed_deployment_costs_what_it_did(
    acme: Organisation, api: Container, ada: Actor
) -> None:
    deployed(api.key, 1)
    resized(api, ada)
    fail(api)
    seen(api, "stopped")
    seen(api, "running")

    assert usage.in_use(acme.id) == OF_API


@pytest.mark.parametrize("status", ["running", "stopped", "error"])
def test_what_has_ended_costs_nothing_whatever_is_seen_of_it_later(
    acme: Organisation, api: Container, ada: Actor, status: str
) -> None:
    deployed(api.key, 1)
    seen(api, status)
    db.session.refresh(api)
    with transaction():
        api.end(ada)
    for later in ("running", "stopped"):
        seen(api, later)

    assert usage.in_use(acme.id) == Usage()


def test_what_was_stopped_while_someone_ended_it_is_taken_off_once(
    acme: Organisation, api: Container, ada: Actor, superuser: psycopg.Connection
) -> None:
    deployed(api.key, 1)
    db.session.refresh(api)
    assert api.status == "running"
    with transaction():
        # As if observed in between: the row that was read says something else than the one that is changed.
        observe([Observed(api.key, 1, "stopped")])
        api.end(ada)

    assert usage.in_use(acme.id) == Usage()


def test_a_cascade_takes_off_what_runs_and_no_more(acme: Organisation, api: Container, ada: Actor) -> None:
    deployed(api.key, 1)
    project = acme.find_project("web")
    with transaction():
        project.create(ada, Container, name="idle", handle="idle", image="nginx:1.27")
    with transaction() as hints:
        project.delete(ada, "web")
    for hint in hints:
        run(hint)

    assert usage.in_use(acme.id) == Usage()
