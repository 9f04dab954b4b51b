"""What the engine has is made what it should have: a round compares, removes, stops, starts and deploys."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from docker.errors import APIError
from flask import Flask, current_app
from requests import Response

from bench.engine import Engine
from models.billing import suspension
from models.billing.suspension import By
from models.database import db
from models.hold import hold_organisation_alone
from models.jobs.fault import Fault
from models.jobs.observation import ResourceKey
from models.kinds.container import Container
from models.kinds.memcached import Memcached
from models.organisation import Organisation
from models.project import Project
from models.transaction import transaction
from tests.runtime.conftest import (
    before,
    containers,
    containers_named,
    converge,
    everything,
    observed,
    our_networks,
    run_jobs,
    running,
)
from tests.support.deployments import without_digest
from tests.support.log import entries, summaries
from tests.support.statements import statements
from worker.engine import reconcile
from worker.engine.docker import DockerEngine
from worker.engine.interface import Instance, Refused
from worker.engine.plan import plan


def test_a_round_deploys_what_waits_and_a_second_one_finds_nothing_to_do(
    runtime: DockerEngine, engine: Engine, acme: Organisation, web: Project, ada: Any
) -> None:
    containers(web, ada, 3)

    assert everything(runtime) == 3
    assert len(running(engine)) == 3
    before, told = running(engine), len(entries(acme))
    assert everything(runtime) == 0
    assert [each["Id"] for each in running(engine)] == [each["Id"] for each in before]
    assert len(entries(acme)) == told


def test_a_round_that_finds_nothing_to_do_takes_two_statements_however_much_runs(
    runtime: DockerEngine, web: Project, ada: Any, api: Container
) -> None:
    with transaction():
        web.create(ada, Memcached, name="cache", handle="cache", memory_mib=64)
    everything(runtime)
    with statements() as sent:
        assert everything(runtime) == 0

    assert len(sent) == 2, sent


def test_what_is_terminated_is_removed_with_its_network(
    runtime: DockerEngine, engine: Engine, api: Container, ada: Any
) -> None:
    converge(runtime, api)
    db.session.refresh(api)
    with transaction() as hints:
        api.end(ada)
    assert hints == [api.key]
    converge(runtime, api)

    assert engine.ours() == []
    assert observed(api) == (None, None)
    everything(runtime)
    assert our_networks(engine) == []


def test_a_network_that_the_engine_keeps_although_it_is_empty_is_told_and_the_round_goes_on(
    runtime: DockerEngine, engine: Engine, web: Project, api: Container, ada: Any, caplog: pytest.LogCaptureFixture
) -> None:
    converge(runtime, api)
    [network] = our_networks(engine)
    in_use = engine.api.create_container(
        "acme/web:1", host_config=engine.api.create_host_config(network_mode=network["Id"])
    )
    engine.api.start(in_use)
    with transaction() as hints:
        web.delete(ada, "web")
    run_jobs(hints)
    everything(runtime)
    assert our_networks(engine) == [network]
    assert caplog.messages == []

    engine.api.remove_container(in_use, force=True)
    refusal = Response()
    refusal.status_code = 403

    def refuse(*_: object) -> None:
        raise APIError("403 Forbidden", refusal, "it has active endpoints")

    with before("remove_network", refuse):
        everything(runtime)
    said = "the engine does not remove it: it has active endpoints"
    assert caplog.messages == [f"the network of project {web.id} stays: {said}"]
    everything(runtime)
    assert our_networks(engine) == []


def test_one_that_was_terminated_and_started_again_by_hand_is_removed(
    runtime: DockerEngine, engine: Engine, api: Container, ada: Any
) -> None:
    converge(runtime, api)
    [one] = running(engine)
    labels = engine.api.inspect_container(one["Id"])["Config"]["Labels"]
    db.session.refresh(api)
    with transaction():
        api.end(ada)
    converge(runtime, api)
    by_hand = engine.api.create_container(
        "acme/web:1", name="by-hand", labels=labels, host_config=engine.api.create_host_config(init=True)
    )
    engine.api.start(by_hand["Id"])

    assert everything(runtime) == 1
    assert engine.ours() == []


def test_what_is_not_ours_is_left_alone(
    runtime: DockerEngine, engine: Engine, acme: Organisation, api: Container, ada: Any
) -> None:
    strangers = [
        engine.api.create_container("acme/web:1", name="stranger")["Id"],
        # Another installation on the same engine, with the same ids.
        engine.api.create_container(
            "acme/web:1",
            name="neighbour",
            labels={
                "activity-log.platform": "00000000-0000-0000-0000-000000000000",
                "activity-log.organisation": str(acme.id),
                "activity-log.kind": "container",
                "activity-log.id": str(api.id),
                "activity-log.revision": "1",
            },
        )["Id"],
    ]
    network = engine.api.create_network("strangers")["Id"]
    for each in strangers:
        engine.api.start(each)
    converge(runtime, api)
    with transaction() as hints:
        acme.delete(ada, "acme")
    run_jobs(hints)
    everything(runtime)

    left = {each["Id"] for each in engine.api.containers()}
    assert left == set(strangers)
    assert network in {each["Id"] for each in engine.api.networks()}


def test_one_that_cannot_be_removed_does_not_keep_the_others_from_what_they_need(
    runtime: DockerEngine, engine: Engine, acme: Organisation, web: Project, ada: Any
) -> None:
    first, second = containers(web, ada, 2)
    everything(runtime)
    [stuck] = running(engine, first.key)
    removed = runtime.remove

    def remove(instance: Instance) -> None:
        if instance.id == stuck["Id"]:
            raise Refused("does not remove", Fault.IN_USE, "device or resource busy")
        removed(instance)

    with transaction() as hints:
        web.delete(ada, "web")
    run_jobs(hints)
    third = containers_named(elsewhere(acme, ada), ada, "third")
    runtime.remove = remove  # type: ignore[method-assign]
    everything(runtime)
    assert running(engine, second.key) == []
    assert len(running(engine, third.key)) == 1
    assert len(running(engine, first.key)) == 1
    del runtime.remove
    everything(runtime)

    assert running(engine, first.key) == []


def test_what_has_changed_since_a_long_round_planned_it_is_left_to_its_own_hint(
    runtime: DockerEngine, engine: Engine, acme: Organisation, web: Project, ada: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = containers(web, ada, 2)
    everything(runtime)
    for each in running(engine):
        engine.api.stop(each["Id"], timeout=0)
    monkeypatch.setattr("worker.engine.reconcile.FRESH_SECONDS", -1)
    meanwhile: list[bool] = []
    planned = plan

    def then_terminated(*arguments: Any) -> Any:
        found = planned(*arguments)
        if not meanwhile:
            meanwhile.append(True)
            with current_app.app_context():
                ended = db.session.get_one(Container, {"organisation_id": acme.id, "id": second_id})
                with transaction():
                    ended.end(ada)
        return found

    second_id = second.id
    monkeypatch.setattr("worker.engine.reconcile.plan", then_terminated)
    everything(runtime)
    assert len(running(engine, first.key)) == 1
    assert running(engine, second.key) == []


def elsewhere(acme: Organisation, ada: Any) -> Project:
    """Another project."""
    with transaction():
        return acme.create_project(ada, name="Elsewhere", handle="elsewhere")


def test_suspended_it_stops_and_resumed_it_runs_again_without_a_new_deployment(
    runtime: DockerEngine, engine: Engine, acme: Organisation, web: Project, ada: Any
) -> None:
    some = containers(web, ada, 3)
    everything(runtime)
    before = {each["Id"] for each in running(engine)}
    with transaction() as hints:
        suspension.suspend(hold_organisation_alone(acme.id), By.OPERATOR, "an unpaid invoice", actor=ada)
    run_jobs(hints)
    everything(runtime, acme)
    assert running(engine) == []
    assert {each["Id"] for each in engine.ours()} == before
    assert observed(some[0]) == ("stopped", 1)

    told = len(entries(acme))
    with transaction() as hints:
        suspension.resume(hold_organisation_alone(acme.id), "paid", actor=ada)
    run_jobs(hints)
    everything(runtime, acme)
    assert {each["Id"] for each in running(engine)} == before
    assert observed(some[0]) == ("running", 1)
    # The organisation and its three containers; no deployment.
    assert len(entries(acme)) == told + 4


def test_what_is_asked_for_while_suspended_waits(
    runtime: DockerEngine, engine: Engine, acme: Organisation, api: Container, ada: Any
) -> None:
    with transaction() as hints:
        suspension.suspend(hold_organisation_alone(acme.id), By.OPERATOR, "an unpaid invoice", actor=ada)
    run_jobs(hints)
    everything(runtime)
    assert engine.ours() == []
    with transaction() as hints:
        suspension.resume(hold_organisation_alone(acme.id), "paid", actor=ada)
    run_jobs(hints)
    everything(runtime)

    assert len(running(engine)) == 1
    assert without_digest(summaries(acme)[-1]) == "Container my-api deployed acme/web:1"


def test_one_that_got_lost_is_brought_back_without_an_entry(
    runtime: DockerEngine, engine: Engine, acme: Organisation, api: Container
) -> None:
    converge(runtime, api)
    told = len(entries(acme))
    engine.clear()

    assert everything(runtime) == 1
    assert len(running(engine)) == 1
    assert observed(api) == ("running", 1)
    assert len(entries(acme)) == told


def test_one_that_someone_stopped_is_started(runtime: DockerEngine, engine: Engine, api: Container) -> None:
    converge(runtime, api)
    [one] = running(engine)
    engine.api.stop(one["Id"], timeout=0)

    assert everything(runtime) == 1
    assert [each["Id"] for each in running(engine)] == [one["Id"]]


@pytest.mark.timeout(400)
def test_deleting_an_organisation_of_a_hundred_removes_them_all_and_the_log_agrees(
    runtime: DockerEngine,
    engine: Engine,
    acme: Organisation,
    web: Project,
    ada: Any,
    app: Flask,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("worker.engine.health.STAYS_UP_SECONDS", 0)
    some = containers(web, ada, 100)

    def deploy(key: ResourceKey) -> None:
        with app.app_context():
            assert reconcile.converge(runtime, key)

    # As many as one organisation has turns.
    with ThreadPoolExecutor(reconcile.OF_ONE_MOST) as hands:
        list(hands.map(deploy, [each.key for each in some]))
    assert len(running(engine)) == len([each for each in summaries(acme) if "deployed" in each]) == len(some)
    with transaction() as hints:
        acme.delete(ada, "acme")
    run_jobs(hints)
    everything(runtime, acme)

    assert engine.ours() == []
    if our_networks(engine):
        engine.recount()
        everything(runtime, acme)
    assert our_networks(engine) == []
    ended = {each.resource_id for each in entries(acme) if each.action == "terminate"}
    assert ended == {each.id for each in some}
