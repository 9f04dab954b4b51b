"""What the engine has is made what it should have, whatever happened to either meanwhile."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from docker.errors import APIError
from flask import Flask, current_app
from requests import Response

from models import cascade, deployment, platform, suspension
from models.container import Container
from models.database import db
from models.deployment import ResourceKey
from models.job import JobKey
from models.organisation import Organisation
from models.platform import Engine as Reported
from models.project import Project
from models.suspension import By
from models.transaction import Hinted, transaction
from tests.engine import Engine
from tests.log import entries, summaries
from tests.runtime.conftest import HEALTH_SECONDS, PATIENCE_SECONDS, platform_id, running, settle, wait
from tests.runtime.test_deploy import change, observed
from worker import reconcile
from worker.engine import DockerEngine
from worker.runtime import CannotDeploy, EngineDown, Instance, NoEngine, Refused, engine_host


def everything(runtime: DockerEngine, organisation: Organisation | None = None) -> int:
    """A round of the schedule, in a session of its own."""
    organisation_id = organisation.id if organisation else None
    with current_app.app_context():
        return reconcile.everything(runtime, organisation_id)


def containers(web: Project, ada: Any, count: int) -> list[Container]:
    """So many of them."""
    with transaction():
        return [
            web.create(ada, Container, name=f"c-{each}", handle=f"c-{each}", image="acme/web:1", memory_mib=64)
            for each in range(count)
        ]


def kept(promised: list[Hinted]) -> None:
    """The worker keeps its promises."""
    with current_app.app_context():
        for key in promised:
            if isinstance(key, JobKey):
                cascade.keep(key)


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


def test_what_is_terminated_is_removed_with_its_network(
    runtime: DockerEngine, engine: Engine, api: Container, ada: Any
) -> None:
    settle(runtime, api)
    db.session.refresh(api)
    with transaction() as promised:
        api.end(ada)
    assert promised == [api.key]
    settle(runtime, api)

    assert engine.ours() == []
    assert observed(api) == (None, None)
    everything(runtime)
    assert our_networks(engine) == []


def our_networks(engine: Engine) -> list[dict[str, Any]]:
    """The networks that bear our label."""
    found: list[dict[str, Any]] = engine.api.networks(filters={"label": "activity-log.platform"})
    return found


def test_a_network_that_the_engine_keeps_although_it_is_empty_is_told_and_the_round_goes_on(
    runtime: DockerEngine, engine: Engine, web: Project, api: Container, ada: Any, caplog: pytest.LogCaptureFixture
) -> None:
    settle(runtime, api)
    [network] = our_networks(engine)
    in_use = engine.api.create_container(
        "acme/web:1", host_config=engine.api.create_host_config(network_mode=network["Id"])
    )
    engine.api.start(in_use)
    with transaction() as promised:
        web.delete(ada, "web")
    kept(promised)
    everything(runtime)
    assert our_networks(engine) == [network]
    assert caplog.messages == []

    engine.api.remove_container(in_use, force=True)
    refusal = Response()
    refusal.status_code = 403

    def refuse(network_id: str) -> None:
        raise APIError("403 Forbidden", refusal, "it has active endpoints")

    runtime._api.remove_network = refuse
    everything(runtime)
    said = "the engine does not remove it: it has active endpoints"
    assert caplog.messages == [f"the network of project {web.id} stays: {said}"]
    del runtime._api.remove_network
    everything(runtime)
    assert our_networks(engine) == []


def test_one_that_was_terminated_and_started_again_by_hand_is_removed(
    runtime: DockerEngine, engine: Engine, api: Container, ada: Any
) -> None:
    settle(runtime, api)
    [one] = running(engine)
    labels = engine.api.inspect_container(one["Id"])["Config"]["Labels"]
    db.session.refresh(api)
    with transaction():
        api.end(ada)
    settle(runtime, api)
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
    settle(runtime, api)
    with transaction() as promised:
        acme.delete(ada, "acme")
    kept(promised)
    everything(runtime)

    left = {each["Id"] for each in engine.api.containers()}
    assert left == set(strangers)
    assert network in {each["Id"] for each in engine.api.networks()}


def test_what_bears_our_labels_and_is_unknown_is_removed(runtime: DockerEngine, engine: Engine, app: Flask) -> None:
    labels = {"activity-log.platform": platform_id()}
    for more in (
        {"activity-log.organisation": "77", "activity-log.kind": "container", "activity-log.id": "9"},
        {"activity-log.organisation": str(2**40), "activity-log.kind": "memcached", "activity-log.id": str(2**63)},
        {"activity-log.organisation": "9" * 30, "activity-log.kind": "x' OR true --", "activity-log.id": "-1"},
        {},
    ):
        quick = engine.api.create_host_config(init=True)
        made = engine.api.create_container("acme/web:1", labels={**labels, **more}, host_config=quick)
        engine.api.start(made["Id"])
    everything(runtime)

    assert engine.ours() == []


def test_one_that_cannot_be_removed_does_not_keep_the_others_from_what_they_need(
    runtime: DockerEngine, engine: Engine, acme: Organisation, web: Project, ada: Any
) -> None:
    first, second = containers(web, ada, 2)
    everything(runtime)
    [stuck] = running(engine, first.key)
    removed = runtime.remove

    def remove(instance: Instance) -> None:
        if instance.id == stuck["Id"]:
            raise Refused("the engine does not remove it: device or resource busy")
        removed(instance)

    with transaction() as promised:
        web.delete(ada, "web")
    kept(promised)
    third = containers_named(elsewhere(acme, ada), ada, "third")
    runtime.remove = remove  # type: ignore[method-assign]
    everything(runtime)
    assert running(engine, second.key) == []
    assert len(running(engine, third.key)) == 1
    assert len(running(engine, first.key)) == 1
    del runtime.remove
    everything(runtime)

    assert running(engine, first.key) == []


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
    with transaction() as promised:
        suspension.suspend(acme.id, By.OPERATOR, "an unpaid invoice", actor=ada)
    kept(promised)
    everything(runtime, acme)
    assert running(engine) == []
    assert {each["Id"] for each in engine.ours()} == before
    assert observed(some[0]) == ("stopped", 1)

    told = len(entries(acme))
    with transaction() as promised:
        suspension.resume(acme.id, "paid", actor=ada)
    kept(promised)
    everything(runtime, acme)
    assert {each["Id"] for each in running(engine)} == before
    assert observed(some[0]) == ("running", 1)
    # The organisation and its three containers; no deployment.
    assert len(entries(acme)) == told + 4


def test_what_is_asked_for_while_suspended_waits(
    runtime: DockerEngine, engine: Engine, acme: Organisation, api: Container, ada: Any
) -> None:
    with transaction() as promised:
        suspension.suspend(acme.id, By.OPERATOR, "an unpaid invoice", actor=ada)
    kept(promised)
    everything(runtime)
    assert engine.ours() == []
    with transaction() as promised:
        suspension.resume(acme.id, "paid", actor=ada)
    kept(promised)
    everything(runtime)

    assert len(running(engine)) == 1
    assert summaries(acme)[-1] == "Container my-api deployed acme/web:1"


def test_one_that_is_suspended_while_it_comes_up_has_not_failed(
    runtime: DockerEngine, engine: Engine, acme: Organisation, api: Container, ada: Any
) -> None:
    def suspended_meanwhile(container: str, *_: object) -> tuple[bool, str]:
        if not done:
            done.append(True)
            with current_app.app_context():
                with transaction() as promised:
                    suspension.suspend(acme.id, By.OPERATOR, "an unpaid invoice", actor=ada)
                kept(promised)
                everything(runtime)
        return False, ""

    done: list[bool] = []
    change(api, ada, health_path="/health")
    runtime._healthy = suspended_meanwhile  # type: ignore[method-assign]
    settle(runtime, api)
    del runtime._healthy

    assert not [each for each in summaries(acme) if "failed to deploy" in each]
    assert observed(api)[0] == "stopped"
    assert deployment.history(api.key)[0].status == "provisioning"


def test_one_that_got_lost_is_brought_back_without_an_entry(
    runtime: DockerEngine, engine: Engine, acme: Organisation, api: Container
) -> None:
    settle(runtime, api)
    told = len(entries(acme))
    engine.clear()

    assert everything(runtime) == 1
    assert len(running(engine)) == 1
    assert observed(api) == ("running", 1)
    assert len(entries(acme)) == told


def test_one_that_someone_stopped_is_started(runtime: DockerEngine, engine: Engine, api: Container) -> None:
    settle(runtime, api)
    [one] = running(engine)
    engine.api.stop(one["Id"], timeout=0)

    assert everything(runtime) == 1
    assert [each["Id"] for each in running(engine)] == [one["Id"]]


def test_one_whose_health_check_fails_later_is_observed_and_recovers(
    runtime: DockerEngine, engine: Engine, api: Container, ada: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("worker.engine.HEALTH_INTERVAL_SECONDS", 1)
    change(api, ada, health_path="/health")
    settle(runtime, api)
    [one] = running(engine)

    def until(status: str) -> None:
        def seen() -> bool:
            everything(runtime)
            return observed(api)[0] == status

        wait(seen)

    engine.api.exec_start(engine.api.exec_create(one["Id"], ["sh", "-c", "rm /www/health"])["Id"])
    until("error")
    assert api.status_reason == "its health check fails"
    engine.api.exec_start(engine.api.exec_create(one["Id"], ["sh", "-c", "echo well > /www/health"])["Id"])
    until("running")


def test_an_engine_that_is_killed_in_the_middle_and_started_again_catches_up(
    runtime: DockerEngine, engine: Engine, acme: Organisation, web: Project, ada: Any
) -> None:
    first, second = containers(web, ada, 2)
    settle(runtime, first)
    change(first, ada, image="acme/web:2")
    engine.kill()
    try:
        with pytest.raises(EngineDown):
            settle(runtime, first)
        db.session.refresh(second)
        with transaction():
            second.end(ada)
        third = containers_named(web, ada, "third")
    finally:
        engine.start_again()
    expire(acme)
    everything(runtime)

    assert {summary for summary in summaries(acme) if "deployed" in summary} == {
        "Container c-0 deployed acme/web:1",
        "Container c-0 deployed acme/web:2",
        "Container third deployed acme/web:1",
    }
    assert {each["Labels"]["activity-log.id"] for each in running(engine)} == {str(first.id), str(third.id)}


def containers_named(web: Project, ada: Any, name: str) -> Container:
    """One more."""
    with transaction():
        return web.create(ada, Container, name=name, handle=name, image="acme/web:1", memory_mib=64)


def expire(acme: Organisation) -> None:
    """Leases have run out, and what was put off is due."""
    due = db.text("UPDATE deployments SET lease_until = NULL, due_at = clock_timestamp() - interval '1 second'")
    with transaction():
        db.session.execute(due)


def test_a_worker_that_dies_in_the_middle_leaves_nothing_that_the_next_one_does_not_clear_up(
    runtime: DockerEngine, engine: Engine, acme: Organisation, api: Container, ada: Any
) -> None:
    settle(runtime, api)
    change(api, ada, image="acme/web:2")

    class Killed(BaseException):
        pass

    def dies(*_: object) -> None:
        raise Killed

    for step in ("_wait", "_let_serve"):
        setattr(runtime, step, dies)
        with pytest.raises(Killed):
            settle(runtime, api)
        delattr(runtime, step)
        # Its lease is still running: nobody else begins.
        settle(runtime, api)
        assert summaries(acme)[-1] == "Container my-api updated"
        assert len(engine.ours()) == 2
        expire(acme)
    settle(runtime, api)

    assert summaries(acme)[-1] == "Container my-api deployed acme/web:2"
    assert len(engine.ours()) == len(running(engine)) == 1


def test_two_workers_at_once_deploy_once(
    runtime: DockerEngine, engine: Engine, acme: Organisation, web: Project, ada: Any, app: Flask
) -> None:
    some = containers(web, ada, 4)
    other = DockerEngine(engine.host, platform_id(), HEALTH_SECONDS)
    failures: list[BaseException] = []

    def work(mine: DockerEngine) -> None:
        try:
            with app.app_context():
                reconcile.everything(mine)
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
    waited = runtime._wait

    def changed_meanwhile(*arguments: Any) -> None:
        waited(*arguments)
        with current_app.app_context(), transaction():
            newer = db.session.get_one(Container, (acme.id, api_id))
            newer.update(ada, newer.version, image="acme/web:2")

    api_id = api.id
    runtime._wait = changed_meanwhile  # type: ignore[method-assign]
    settle(runtime, api)
    del runtime._wait
    settle(runtime, api)

    assert [each for each in summaries(acme) if "deployed" in each] == ["Container my-api deployed acme/web:2"]
    assert [each.status for each in deployment.history(api.key)] == ["running", "cancelled"]
    assert len(engine.ours()) == 1


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
    monkeypatch.setattr("worker.engine.SETTLED_SECONDS", 0)
    some = containers(web, ada, 100)

    def deploy(key: ResourceKey) -> None:
        with app.app_context():
            assert reconcile.settle(runtime, key)

    # As many as one organisation has turns.
    with ThreadPoolExecutor(reconcile.OF_ONE_MOST) as hands:
        list(hands.map(deploy, [each.key for each in some]))
    assert len(running(engine)) == len([each for each in summaries(acme) if "deployed" in each]) == len(some)
    with transaction() as promised:
        acme.delete(ada, "acme")
    kept(promised)
    everything(runtime, acme)

    assert engine.ours() == []
    if our_networks(engine):
        engine.recount()
        everything(runtime, acme)
    assert our_networks(engine) == []
    ended = {each.resource_id for each in entries(acme) if each.action == "terminate"}
    assert ended == {each.id for each in some}


def test_without_an_engine_everything_waits_and_nothing_is_claimed(acme: Organisation, api: Container) -> None:
    told = len(entries(acme))
    found = reconcile.report(NoEngine)
    assert found is not None
    reconcile.settle(found, api.key)
    reconcile.everything(found)

    assert len(entries(acme)) == told
    assert observed(api) == (None, None)
    assert deployment.history(api.key)[0].status == "provisioning"
    assert platform.engine().engine == "none"


def test_an_engine_that_does_not_answer_is_reported(app: Flask, engine: Engine) -> None:
    assert reconcile.report(lambda: DockerEngine("unix:///nowhere.sock", "x", 1)) is None
    found = platform.engine()
    assert isinstance(found, Reported)
    assert found.error == "nothing listens there"
    assert reconcile.report(lambda: DockerEngine(engine.host, platform_id(), 1)) is not None
    assert platform.engine().error is None


@pytest.mark.parametrize(
    ("docker_host", "socket", "expected"),
    [
        ("", "/nowhere.sock", None),
        ("none", "/", None),
        ("tcp://engine:2376", "/nowhere.sock", "tcp://engine:2376"),
        ("", "/", "unix:///"),
    ],
)
def test_where_the_engine_is(docker_host: str, socket: str, expected: str | None) -> None:
    assert engine_host(docker_host, {"DOCKER_SOCKET": socket}) == expected


def test_nothing_can_be_deployed_where_there_is_no_engine() -> None:
    with pytest.raises(EngineDown):
        NoEngine().deploy(None, 1, None, lambda: None)  # type: ignore[arg-type]
    assert issubclass(CannotDeploy, Exception)


def test_a_lease_is_kept_while_the_engine_takes_its_time_and_what_lost_it_stops(
    runtime: DockerEngine, engine: Engine, acme: Organisation, api: Container, superuser: Any, monkeypatch: Any
) -> None:
    monkeypatch.setattr("worker.reconcile.RENEW_SECONDS", 0.1)
    monkeypatch.setattr("models.deployment.LEASE_SECONDS", 2)
    waited = runtime._wait
    seen: list[Any] = []

    def slowly(containers: list[str], wanted: Any, tick: Callable[[], None]) -> None:
        time.sleep(2.5)
        seen.append(superuser.execute("SELECT lease_until > clock_timestamp() FROM deployments").fetchone())
        tick()
        superuser.execute("UPDATE deployments SET token = token + 1")
        time.sleep(0.5)
        waited(containers, wanted, tick)

    runtime._wait = slowly  # type: ignore[method-assign]
    settle(runtime, api)

    assert seen == [(True,)]
    assert summaries(acme)[-1] == "Container my-api created"
    assert deployment.history(api.key)[0].status == "provisioning"
