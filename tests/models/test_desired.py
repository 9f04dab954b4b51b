"""What should run, and what PostgreSQL reads to tell."""

from collections.abc import Iterator
from functools import partial
from typing import Any

import psycopg
import pytest
from flask import Flask
from sqlalchemy import text

from models.billing.suspension import By, suspend
from models.database import db
from models.errors import HandleTaken, LeaseLost, OrganisationSuspended
from models.hold import hold_organisation_alone
from models.jobs import deployment, deployment_history, observation
from models.jobs.job import JobKey
from models.kinds.container import Container
from models.kinds.memcached import Memcached
from models.kinds.registry import Registry
from models.kinds.secret import Secret
from models.log.actor import Actor
from models.organisation import Organisation
from models.project import Project
from models.system import cascade, desired
from models.transaction import transaction
from tests.support.deployments import SHOWN, made
from tests.support.log import latest_entry, summaries
from tests.support.together import together
from worker.engine.masking import masked

OTHERS = """
    INSERT INTO containers (organisation_id, project_id, handle, name, state, version, image, port, health_path,
                            cpu_millicores, memory_mib, environment, secrets, ended_at, deployed_revision, status)
    SELECT %s, %s, 'o-' || n, 'o-' || n, 'active', 1, 'nginx:1', 80, '', 20, 64, '', '{}',
           CASE WHEN n %% 2 = 0 THEN now() END, CASE WHEN n %% 1000 = 1 THEN 1 END, NULL
      FROM generate_series(1, 20000) AS n
"""


@pytest.fixture
def crowd(acme: Organisation, web: Project, api: Container, superuser: psycopg.Connection) -> Container:
    """Twenty thousand more, of which twenty run."""
    superuser.execute(OTHERS, (acme.id, web.id))
    with transaction():
        db.session.execute(
            text("""
            INSERT INTO deployments (organisation_id, noun, resource_id, revision, what, cause_number, status)
            SELECT organisation_id, 'container', id, 1, image, 1, 'running' FROM containers WHERE handle LIKE 'o-%'
        """)
        )
    superuser.execute("ANALYZE")
    return api


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Every step of a plan."""
    yield plan
    for below in plan.get("Plans", []):
        yield from nodes(below)


def test_a_round_reads_what_runs_and_what_waits_and_no_other(crowd: Container) -> None:
    values = {
        "organisation": None,
        "container_organisations": [crowd.organisation_id],
        "container_ids": [crowd.id],
        "memcached_organisations": [],
        "memcached_ids": [],
    }
    query = text(f"EXPLAIN (ANALYZE, FORMAT JSON) {desired.ALL.text}")
    found = db.session.execute(query, values).scalar_one()[0]["Plan"]
    db.session.rollback()
    scans = [each for each in nodes(found) if each.get("Relation Name") in ("containers", "deployments")]

    assert scans
    assert [each for each in scans if each["Node Type"] == "Seq Scan"] == []
    assert max(each["Actual Rows"] for each in scans) <= 21
    assert len(desired.everything([crowd.key])) == 21


def test_the_history_of_one_is_read_alone(crowd: Container) -> None:
    values = {"organisation": crowd.organisation_id, "noun": "container", "id": crowd.id, "before": 9, "size": 10}
    query = text(f"EXPLAIN (ANALYZE, FORMAT JSON) {deployment_history.HISTORY.text}")
    found = db.session.execute(query, values).scalar_one()[0]["Plan"]
    db.session.rollback()
    [scan] = [each for each in nodes(found) if each.get("Relation Name") == "deployments"]

    assert scan["Index Name"] == "deployments_pkey"
    assert scan["Actual Rows"] == 1


def change(thing: Container | Memcached, ada: Actor, **values: Any) -> None:
    """One edit."""
    with transaction():
        thing.update(ada, thing.version, **values)


@pytest.mark.parametrize(
    ("values", "asks"),
    [
        ({"name": "Other"}, False),
        ({"image": "nginx:1.27"}, False),
        ({"image": "nginx:1.28"}, True),
        ({"port": 81}, True),
        ({"memory_mib": 512}, True),
        ({"cpu_millicores": 500}, True),
        ({"environment": "A=1"}, True),
        ({"health_path": "/health"}, True),
        ({"secrets": ["token"]}, True),
        ({"registry_handle": "main"}, True),
    ],
)
def test_what_a_container_runs_with_asks_for_a_deployment_and_its_name_does_not(
    acme: Organisation, web: Project, api: Container, ada: Actor, values: dict[str, Any], asks: bool
) -> None:
    with transaction():
        web.create(ada, Secret, handle="token", value="v")
        web.create(ada, Registry, handle="main", server="r.example.com", username="ci", password="p")
    change(api, ada, **values)
    found = deployment_history.history(api.key)

    assert [each.revision for each in found] == ([2, 1] if asks else [1])
    assert api.revision == found[0].revision
    if asks:
        assert found[0].cause_number == latest_entry(acme).number
        assert [each.status for each in found] == ["provisioning", "cancelled"]


def test_a_deployment_is_asked_for_in_the_transaction_of_its_change_or_not_at_all(api: Container, ada: Actor) -> None:
    with pytest.raises(InterruptedError), transaction():
        api.update(ada, api.version, image="nginx:1.28")
        raise InterruptedError
    db.session.refresh(api)
    db.session.rollback()

    assert api.revision == 1
    assert [each.revision for each in deployment_history.history(api.key)] == [1]


def test_one_claims_it_and_a_token_that_is_not_the_newest_tells_nothing(
    acme: Organisation, api: Container, superuser: psycopg.Connection
) -> None:
    with transaction():
        first = deployment.claim(api.key, 1)
        assert deployment.claim(api.key, 1) is None
        assert deployment.claim(api.key, 1, lost=True) is None
    assert first
    superuser.execute("UPDATE deployments SET lease_until = now() - interval '1 second'")
    with transaction():
        second = deployment.claim(api.key, 1)
    assert second
    lates = (partial(deployment.succeed, first, made()), partial(deployment.fail, first, "late"), first.renew)
    for late in lates:
        with pytest.raises(LeaseLost), transaction():
            late()
    with transaction():
        deployment.succeed(second, made())

    assert [each for each in summaries(acme) if "deploy" in each] == [f"Container my-api deployed nginx:1.27 ({SHOWN})"]


def test_a_reason_is_cut_to_what_is_kept(acme: Organisation, api: Container) -> None:
    with transaction():
        lease = deployment.claim(api.key, 1)
    assert lease
    with transaction():
        deployment.fail(lease, "very\x00  long\n" * 100)

    [told] = deployment_history.history(api.key)
    assert len(told.reason) == observation.REASON_MOST
    assert told.reason.startswith("very long very")
    assert latest_entry(acme).summary == f"Container my-api failed to deploy: {told.reason}"


def test_what_has_ended_is_not_deployed_any_more(acme: Organisation, api: Container, ada: Actor) -> None:
    with transaction():
        lease = deployment.claim(api.key, 1)
    assert lease
    with transaction() as hints:
        api.end(ada)
    assert hints == [api.key]
    with pytest.raises(LeaseLost), transaction():
        deployment.succeed(lease, made())
    with transaction():
        deployment.fail(lease, "it was removed")
    with transaction():
        deployment.cancel_ended()

    assert latest_entry(acme).summary == "Container my-api terminated"
    assert deployment_history.history(api.key)[0].status == "cancelled"


def test_nothing_is_deployed_again_while_suspended(acme: Organisation, api: Container, ada: Actor) -> None:
    with transaction():
        suspend(hold_organisation_alone(acme.id), By.OPERATOR, "an unpaid invoice")
    with pytest.raises(OrganisationSuspended), transaction():
        api.redeploy(ada)


def test_a_specification_holds_what_is_sealed_and_its_repr_does_not(web: Project, ada: Actor) -> None:
    with transaction():
        web.create(ada, Secret, handle="db-password", value="canary-1")
        web.create(ada, Registry, handle="main", server="r.example.com", username="ci", password="canary-2")
    with transaction():
        one = web.create(
            ada,
            Container,
            name="one",
            handle="one",
            image="acme/one:1",
            registry_handle="main",
            environment="DB_PASSWORD=canary-3\nMODE=canary-4",
            secrets=["db-password"],
        )
    told = one.specification()

    assert told.image == "r.example.com/acme/one:1"
    assert told.environment == {"DB_PASSWORD": "canary-1", "MODE": "canary-4"}
    assert told.credentials
    assert told.credentials.password == "canary-2"
    assert "canary" not in repr(told)
    assert "canary" not in masked("a canary-1 canary-2 b canary-4", told.confidential)


def test_what_was_seen_before_someone_said_more_is_not_written(api: Container, ada: Actor) -> None:
    def told(status: str | None, reason: str, before: tuple[str | None, str] | None) -> tuple[str | None, str]:
        with transaction():
            observation.observe([observation.Observed(api.key, None, status, reason, before)])
        db.session.refresh(api)
        found = api.status, api.status_reason
        db.session.rollback()
        return found

    assert told("error", "no such image", None) == ("error", "no such image")
    assert told("provisioning", "", ("stopped", "")) == ("error", "no such image")
    assert told("provisioning", "", ("error", "no such image")) == ("provisioning", "")
    db.session.refresh(api)
    with transaction():
        api.end(ada)
    assert told("provisioning", "", None) == (None, "")


def test_a_lease_that_has_run_out_is_over_although_nobody_else_has_claimed(
    api: Container, superuser: psycopg.Connection
) -> None:
    with transaction():
        lease = deployment.claim(api.key, 1)
    assert lease
    superuser.execute("UPDATE deployments SET lease_until = clock_timestamp() - interval '1 second'")
    for use in (lease.renew, partial(deployment.fail, lease, "its container is gone")):
        with pytest.raises(LeaseLost), transaction():
            use()
    assert deployment_history.history(api.key)[0].status == "provisioning"


@pytest.mark.parametrize("by_cascade", [False, True])
def test_what_ended_before_it_ever_ran_is_not_said_to_come_up(
    acme: Organisation, web: Project, api: Container, ada: Actor, by_cascade: bool
) -> None:
    with transaction():
        observation.observe([observation.Observed(api.key, None, "error", "no such image")])
    db.session.refresh(api)
    with transaction() as hints:
        if by_cascade:
            web.delete(ada, "web")
        else:
            api.end(ada)
    for key in hints:
        if isinstance(key, JobKey):
            cascade.run(key)
    db.session.refresh(api)

    assert api.ended_at
    assert (api.status, api.status_reason) == (None, "")


def test_each_user_of_a_secret_is_deployed_again_because_of_its_own_entry(
    acme: Organisation, web: Project, api: Container, ada: Actor
) -> None:
    with transaction():
        token = web.create(ada, Secret, handle="token", value="x")
    with transaction():
        users = [
            web.create(ada, Container, name=handle, handle=handle, image=f"acme/{handle}:1", secrets=["token"])
            for handle in ("one", "two")
        ]
    with transaction():
        assert web.deploy_again(ada, token) == ["one", "two"]

    assert summaries(acme)[-2:] == ["Container one to be deployed again", "Container two to be deployed again"]
    last = latest_entry(acme).number
    for place, each in enumerate(users):
        db.session.refresh(each)
        newest, before = deployment_history.history(each.key)
        assert (newest.revision, newest.what, newest.cause_number) == (2, each.image, last - 1 + place)
        assert (each.revision, each.version, before.status) == (2, 2, "cancelled")
    assert len(deployment_history.history(api.key)) == 1


def test_a_container_and_a_memcached_do_not_share_the_handle_by_which_they_are_reached(
    app: Flask, web: Project, api: Container, ada: Actor
) -> None:
    with pytest.raises(HandleTaken, match="A container with the handle “my-api” exists"), transaction():
        web.create(ada, Memcached, name="c", handle="my-api")
    with transaction():
        web.create(ada, Secret, handle="my-api", value="v")
    found = together(
        app,
        lambda: web.create(ada, Memcached, name="c", handle="same"),
        lambda: web.create(ada, Container, name="c", handle="same", image="nginx:1"),
    )
    assert sorted(type(each).__name__ for each in found) in (["Container", "HandleTaken"], ["HandleTaken", "Memcached"])
    with transaction():
        api.end(ada)
    with transaction():
        web.create(ada, Memcached, name="c", handle="my-api")


def test_however_often_it_was_tried_it_can_be_tried_later(
    acme: Organisation, api: Container, superuser: psycopg.Connection
) -> None:
    superuser.execute("UPDATE deployments SET attempts = 5000")
    with transaction():
        lease = deployment.claim(api.key, 1)
    assert lease
    with transaction():
        lease.release()
    [(wait,)] = superuser.execute("SELECT extract(epoch FROM due_at - clock_timestamp()) FROM deployments").fetchall()

    assert 290 < wait <= 300


def test_one_that_has_ended_and_cannot_be_removed_is_not_said_to_be_gone(api: Container, ada: Actor) -> None:
    with transaction():
        lease = deployment.claim(api.key, 1)
    assert lease
    with transaction():
        deployment.succeed(lease, made())
    db.session.refresh(api)
    with transaction():
        api.end(ada)
    for status, reason, deployed in (("error", "it is busy", 1), (None, "", None)):
        with transaction():
            observation.observe([observation.Observed(api.key, 1, status, reason)])
        db.session.refresh(api)
        assert (api.status, api.status_reason, api.deployed_revision) == (status, reason, deployed)
    db.session.rollback()
