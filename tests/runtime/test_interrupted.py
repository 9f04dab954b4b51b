"""Whatever happens while something comes up: it is deployed once, told once, and nothing is left behind."""

import threading
import time
from dataclasses import replace
from typing import Any

import pytest
from flask import Flask, current_app

from bench.engine import Engine
from models.billing import suspension
from models.billing.suspension import By
from models.database import db
from models.hold import hold_organisation_alone
from models.jobs import deployment_history
from models.jobs.deployment import DEPLOYMENTS, DeploymentLease
from models.kinds.container import Container
from models.kinds.memcached import Memcached
from models.organisation import Organisation
from models.project import Project
from models.system import desired
from models.transaction import transaction
from tests.runtime.conftest import (
    HEALTH_SECONDS,
    PATIENCE_SECONDS,
    before,
    change,
    containers,
    containers_named,
    converge,
    everything,
    expire,
    fetch,
    observed,
    our_networks,
    platform_id,
    run_jobs,
    running,
)
from tests.support.deployments import without_digest
from tests.support.log import entries, summaries
from worker.engine import reconcile
from worker.engine.docker import DockerEngine
from worker.engine.interface import CannotDeploy, EngineDown

# The steps of a deployment, each by the first thing that the engine is asked for in it.
A_START, A_QUESTION, A_NAME, THE_LAST = "start", "exec_create", "disconnect_container_from_network", "rename"


class Killed(BaseException):
    """A worker's death: nothing of ours catches it."""


def dies(*_: object, **__: object) -> None:
    """In place of a step."""
    raise Killed


def test_one_that_is_suspended_while_it_comes_up_has_not_failed(
    runtime: DockerEngine, engine: Engine, acme: Organisation, api: Container, ada: Any
) -> None:
    def suspended_meanwhile(*_: object) -> None:
        if not done:
            done.append(True)
            with current_app.app_context():
                with transaction() as hints:
                    suspension.suspend(hold_organisation_alone(acme.id), By.OPERATOR, "an unpaid invoice", actor=ada)
                run_jobs(hints)
                everything(runtime)

    done: list[bool] = []
    change(api, ada, health_path="/health")
    with before(A_QUESTION, suspended_meanwhile):
        converge(runtime, api)

    assert done

    assert not [each for each in summaries(acme) if "failed to deploy" in each]
    assert observed(api)[0] == "stopped"
    assert deployment_history.history(api.key)[0].status == "provisioning"


def test_an_engine_that_is_killed_in_the_middle_and_started_again_catches_up(
    runtime: DockerEngine, engine: Engine, acme: Organisation, web: Project, ada: Any
) -> None:
    first, second = containers(web, ada, 2)
    converge(runtime, first)
    change(first, ada, image="acme/web:2")
    engine.kill()
    try:
        with pytest.raises(EngineDown):
            converge(runtime, first)
        db.session.refresh(second)
        with transaction():
            second.end(ada)
        third = containers_named(web, ada, "third")
    finally:
        engine.start_again()
    expire(acme)
    everything(runtime)

    assert {without_digest(each) for each in summaries(acme) if "deployed" in each} == {
        "Container c-0 deployed acme/web:1",
        "Container c-0 deployed acme/web:2",
        "Container third deployed acme/web:1",
    }
    assert {each["Labels"]["activity-log.id"] for each in running(engine)} == {str(first.id), str(third.id)}


def test_a_worker_that_dies_in_the_middle_leaves_nothing_that_the_next_one_does_not_clear_up(
    runtime: DockerEngine, engine: Engine, acme: Organisation, api: Container, ada: Any
) -> None:
    converge(runtime, api)
    change(api, ada, image="acme/web:2")

    for step in (A_START, A_NAME):
        with before(step, dies), pytest.raises(Killed):
            converge(runtime, api)
        # Its lease is still running: nobody else begins.
        converge(runtime, api)
        assert summaries(acme)[-1] == "Container my-api updated"
        assert len(engine.ours()) == 2
        expire(acme)
    converge(runtime, api)

    assert without_digest(summaries(acme)[-1]) == "Container my-api deployed acme/web:2"
    assert len(engine.ours()) == len(running(engine)) == 1


def test_one_that_got_lost_and_does_not_come_up_again_is_said_to_be_in_error_and_tried_again(
    runtime: DockerEngine, engine: Engine, acme: Organisation, api: Container, ada: Any
) -> None:
    converge(runtime, api)
    told = len(entries(acme))
    engine.clear()

    def unwell(*_: object) -> None:
        raise CannotDeploy("health check failed: its database is gone")

    for _ in range(2):
        with before(A_START, unwell):
            everything(runtime)
        assert observed(api) == ("error", 1)
        assert api.status_reason == "health check failed: its database is gone"
        assert engine.ours() == []
        assert summaries(acme)[told:] == ["Container my-api is down: health check failed: its database is gone"]
        expire(acme)
    everything(runtime)

    assert observed(api) == ("running", 1)
    [one] = running(engine)
    assert fetch(engine, one["Id"], "http://my-api:8080/") == "acme/web:1"
    assert [without_digest(each) for each in summaries(acme)[told + 1 :]] == [
        "Container my-api is up again: acme/web:1"
    ]


def test_one_that_got_lost_and_whose_worker_dies_before_it_serves_is_brought_up_by_the_next(
    runtime: DockerEngine, engine: Engine, acme: Organisation, api: Container
) -> None:
    converge(runtime, api)
    for step in (A_NAME, THE_LAST):
        engine.clear()
        with before(step, dies), pytest.raises(Killed):
            everything(runtime)
        assert len(engine.ours()) == 1
        everything(runtime)
        # Whose lease is still running may yet let it serve.
        assert len(engine.ours()) == 1
        expire(acme)
        everything(runtime)
        [one] = running(engine)
        assert fetch(engine, one["Id"], "http://my-api:8080/") == "acme/web:1"
        assert engine.api.inspect_container(one["Id"])["HostConfig"]["RestartPolicy"]["Name"] == "unless-stopped"
        assert len(engine.ours()) == 1


def test_a_worker_that_dies_when_some_nodes_serve_leaves_the_others_to_the_next(
    runtime: DockerEngine, engine: Engine, acme: Organisation, web: Project, ada: Any
) -> None:
    with transaction():
        cache = web.create(ada, Memcached, name="cache", handle="cache", memory_mib=64, nodes=3)
    serving: list[str] = []

    def dies_after_the_first(container: str, _name: str) -> None:
        if serving:
            raise Killed
        serving.append(container)

    with before(THE_LAST, dies_after_the_first), pytest.raises(Killed):
        converge(runtime, cache)
    expire(acme)
    converge(runtime, cache)

    found = {each["Id"] for each in running(engine)}
    assert len(found) == len(engine.ours()) == 3
    assert set(serving) < found
    assert [without_digest(each) for each in summaries(acme) if "deployed" in each] == [
        "Memcached cache deployed 3 × 64 MiB"
    ]


def test_a_network_that_is_needed_again_while_a_round_removes_others_stays(
    runtime: DockerEngine, engine: Engine, acme: Organisation, web: Project, api: Container, ada: Any
) -> None:
    converge(runtime, api)
    [network] = our_networks(engine)
    db.session.refresh(api)
    with transaction():
        api.end(ada)
    converge(runtime, api)
    places = desired.used_networks

    def asked_for_meanwhile(organisation_id: int | None = None) -> set[tuple[int, int]]:
        found = places(organisation_id)
        if not asked:
            asked.append(True)
            with current_app.app_context():
                containers_named(web, ada, "again")
        return found

    asked: list[bool] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("models.system.desired.used_networks", asked_for_meanwhile)
        everything(runtime)

    assert asked
    assert our_networks(engine) == [network]


def test_what_the_version_before_has_left_half_made_is_not_taken_for_what_serves(
    runtime: DockerEngine, engine: Engine, acme: Organisation, api: Container, ada: Any
) -> None:
    converge(runtime, api)
    [first] = running(engine)
    change(api, ada, image="acme/web:2")
    new = {"activity-log.attempt", "activity-log.stamp", "activity-log.specification"}
    labels = {name: value for name, value in first["Labels"].items() if name not in new}
    name = first["Names"][0].lstrip("/").removesuffix("-1-1")
    half = engine.api.create_container(
        "acme/web:1", name=f"{name}-2-1", labels={**labels, "activity-log.revision": "2"}
    )
    engine.api.start(half["Id"])
    converge(runtime, api)

    [one] = running(engine)
    assert one["Id"] != half["Id"]
    assert fetch(engine, one["Id"], "http://my-api:8080/") == "acme/web:2"


def test_two_workers_at_once_deploy_once(
    runtime: DockerEngine, engine: Engine, acme: Organisation, web: Project, ada: Any, app: Flask
) -> None:
    some = containers(web, ada, 4)
    other = DockerEngine(engine.host, platform_id(), HEALTH_SECONDS)
    failures: list[BaseException] = []

    def work(mine: DockerEngine) -> None:
        try:
            with app.app_context():
                reconcile.converge_all(mine)
        except BaseException as error:
            failures.append(error)

    both = [threading.Thread(target=work, args=(each,)) for each in (runtime, other)]
    for each in both:
        each.start()
    for each in both:
        each.join(PATIENCE_SECONDS)

    assert failures == []
    deployed = [each for each in summaries(acme) if "deployed" in each]
    assert len(deployed) == len(set(deployed)) == len(some)
    assert len(engine.ours()) == len(some)


def test_a_newer_change_wins_over_the_one_that_is_coming_up(
    runtime: DockerEngine, engine: Engine, acme: Organisation, api: Container, ada: Any
) -> None:
    def changed_meanwhile(*_: object) -> None:
        with current_app.app_context(), transaction():
            newer = db.session.get_one(Container, {"organisation_id": acme.id, "id": api_id})
            newer.update(ada, newer.version, image="acme/web:2")

    api_id = api.id
    with before(A_NAME, changed_meanwhile):
        converge(runtime, api)
    converge(runtime, api)

    assert [without_digest(each) for each in summaries(acme) if "deployed" in each] == [
        "Container my-api deployed acme/web:2"
    ]
    assert [each.status for each in deployment_history.history(api.key)] == ["running", "cancelled"]
    assert len(engine.ours()) == 1


def test_a_lease_is_kept_while_the_engine_takes_its_time_and_what_lost_it_stops(
    runtime: DockerEngine, engine: Engine, acme: Organisation, api: Container, superuser: Any, monkeypatch: Any
) -> None:
    monkeypatch.setattr("worker.engine.deploy.RENEW_SECONDS", 0.1)
    monkeypatch.setattr(DeploymentLease, "queue", replace(DEPLOYMENTS, lease_seconds=2))
    seen: list[Any] = []

    def slowly(*_: object) -> None:
        time.sleep(2.5)
        seen.append(superuser.execute("SELECT lease_until > clock_timestamp() FROM deployments").fetchone())
        superuser.execute("UPDATE deployments SET token = token + 1")
        time.sleep(0.5)

    with before("start", slowly):
        converge(runtime, api)

    assert seen == [(True,)]
    assert summaries(acme)[-1] == "Container my-api created"
    assert deployment_history.history(api.key)[0].status == "provisioning"
