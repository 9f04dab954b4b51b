"""What the engine has from another timeline of this database is never taken for what is wanted."""

import subprocess
import sys
from typing import Any

from flask import Flask

from bench.engine import Engine
from models.database import db
from models.kinds.container import Container
from models.kinds.secret import Secret
from models.organisation import Organisation
from models.project import Project
from models.settings import Settings
from models.system import strays
from models.transaction import transaction
from tests.runtime.conftest import before, change, converge, everything, fetch, observed, platform_id, running
from tests.support.deployments import without_digest
from tests.support.log import entries, latest_entry, summaries
from tests.support.processes import environment
from tests.support.servers import Servers
from tests.support.timeline import dump, restore
from worker.engine.docker import DockerEngine

AS_THE_VERSION_BEFORE_LEFT_IT = """
    UPDATE deployments SET specification_digest = NULL, image_id = NULL, image = NULL, image_digest = NULL,
                           node_count = NULL, specification = ''
"""
NEW_LABELS = {"activity-log.stamp", "activity-log.specification", "activity-log.image"}


def ids(found: list[dict[str, Any]]) -> list[str]:
    """Which containers they are."""
    return [str(each["Id"]) for each in found]


def read_again(*things: Container) -> None:
    """What the session remembers is of another timeline."""
    db.session.expire_all()
    for each in things:
        db.session.refresh(each)
    db.session.rollback()


def test_after_a_restore_what_was_deployed_then_serves_again_and_what_came_later_is_stopped_and_told(
    runtime: DockerEngine, engine: Engine, servers: Servers, acme: Organisation, api: Container, ada: Any
) -> None:
    converge(runtime, api)
    then = dump(servers.superuser_url)
    change(api, ada, image="acme/web:2")
    converge(runtime, api)
    [later] = running(engine)
    restore(servers.superuser_url, then)
    read_again(api)
    everything(runtime)

    [one] = running(engine)
    assert fetch(engine, one["Id"], "http://my-api:8080/") == "acme/web:1"
    assert observed(api) == ("running", 1)
    assert engine.api.inspect_container(later["Id"])["State"]["Running"] is False
    told = latest_entry(acme)
    assert told.summary.startswith("Container my-api had an instance on the engine that no deployment in this log has")
    assert (told.actor_name, told.action) == ("system", "update")

    many = len(entries(acme))
    engine.api.start(later["Id"])
    everything(runtime)
    assert ids(running(engine)) == [one["Id"]]
    assert len(entries(acme)) == many


def test_the_next_deployment_after_a_restore_is_what_runs_although_a_stray_bears_its_number(
    runtime: DockerEngine, engine: Engine, servers: Servers, acme: Organisation, api: Container, ada: Any
) -> None:
    converge(runtime, api)
    then = dump(servers.superuser_url)
    change(api, ada, image="acme/web:2")
    converge(runtime, api)
    [stray] = running(engine)
    restore(servers.superuser_url, then)
    read_again(api)
    change(api, ada, port=8081)
    converge(runtime, api)

    assert [each.instance for each in strays.kept()] == [stray["Id"]]
    assert engine.api.inspect_container(stray["Id"])["State"]["Running"] is False
    [one] = running(engine)
    assert without_digest(summaries(acme)[-1]) == "Container my-api deployed acme/web:1"
    assert fetch(engine, one["Id"], "http://my-api:8080/") == "acme/web:1"


def test_one_that_was_under_way_and_served_by_the_time_of_the_restore_is_taken_over_only_if_it_is_the_same(
    runtime: DockerEngine, engine: Engine, servers: Servers, acme: Organisation, web: Project, ada: Any
) -> None:
    with transaction():
        token = web.create(ada, Secret, handle="token", value="first")
        plain = web.create(ada, Container, name="plain", handle="plain", image="acme/web:1", memory_mib=64)
        sealed = web.create(
            ada, Container, name="sealed", handle="sealed", image="acme/web:1", memory_mib=64, secrets=["token"]
        )
    then = dump(servers.superuser_url)
    with transaction():
        token.update(ada, token.version, value="second")
    converge(runtime, plain, sealed)
    [same], [other] = running(engine, plain.key), running(engine, sealed.key)
    restore(servers.superuser_url, then)
    read_again(plain, sealed)
    everything(runtime)

    assert ids(running(engine, plain.key)) == [same["Id"]]
    [one] = running(engine, sealed.key)
    assert one["Id"] != other["Id"]
    assert "TOKEN=first" in engine.api.inspect_container(one["Id"])["Config"]["Env"]
    assert len([each for each in summaries(acme) if "deployed" in each]) == 2


def test_a_stray_is_listed_kept_for_a_day_and_then_removed(
    runtime: DockerEngine, engine: Engine, settings: Settings, api: Container, superuser: Any
) -> None:
    labels = {"activity-log.platform": platform_id(), "activity-log.stamp": "nobody's"}
    made = engine.api.create_container(
        "acme/web:1", labels=labels, host_config=engine.api.create_host_config(init=True)
    )
    engine.api.start(made["Id"])
    everything(runtime)
    [stray] = strays.kept()
    assert stray.instance == made["Id"]
    assert engine.api.inspect_container(made["Id"])["State"]["Running"] is False
    listed = listed_strays(settings)
    assert made["Id"][:12] in listed
    assert f"removed after {stray.removed_at:%Y-%m-%d %H:%M:%S} UTC" in listed

    superuser.execute("UPDATE strays SET found_at = found_at - interval '23 hours 50 minutes'")
    everything(runtime)
    assert strays.kept()
    superuser.execute("UPDATE strays SET found_at = found_at - interval '10 minutes'")
    everything(runtime)
    assert made["Id"] not in ids(engine.ours())
    assert strays.kept() == []
    assert listed_strays(settings) == "There are none.\n"


def test_a_stray_stays_one_although_what_bears_its_number_is_deployed_here_later(
    runtime: DockerEngine, engine: Engine, api: Container, ada: Any
) -> None:
    converge(runtime, api)
    [first] = running(engine)
    labels = {name: value for name, value in first["Labels"].items() if name not in NEW_LABELS}
    made = engine.api.create_container("acme/web:1", labels={**labels, "activity-log.revision": "2"})
    everything(runtime)
    change(api, ada, image="acme/web:2")
    converge(runtime, api)
    everything(runtime)

    assert [each.instance for each in strays.kept()] == [made["Id"]]
    assert made["Id"] in ids(engine.ours())


def test_a_copy_with_the_same_labels_and_another_image_does_not_take_its_place(
    runtime: DockerEngine, engine: Engine, api: Container
) -> None:
    converge(runtime, api)
    [one] = running(engine)
    quick = engine.api.create_host_config(init=True)
    copy = engine.api.create_container("acme/web:2", labels=one["Labels"], host_config=quick)
    engine.api.start(copy["Id"])
    everything(runtime)

    assert ids(running(engine)) == [one["Id"]]


def test_a_stray_that_someone_has_removed_is_not_listed_any_more(
    runtime: DockerEngine, engine: Engine, app: Flask
) -> None:
    made = engine.api.create_container("acme/web:1", labels={"activity-log.platform": platform_id()})
    everything(runtime)
    assert len(strays.kept()) == 1
    engine.api.remove_container(made["Id"])
    everything(runtime)
    assert strays.kept() == []


def test_whatever_its_labels_say_what_bears_our_identity_is_stopped(
    runtime: DockerEngine, engine: Engine, app: Flask
) -> None:
    labels = {"activity-log.platform": platform_id()}
    for more in (
        {"activity-log.organisation": "77", "activity-log.kind": "container", "activity-log.id": "9"},
        {"activity-log.organisation": str(2**40), "activity-log.kind": "memcached", "activity-log.id": str(2**63)},
        {"activity-log.organisation": "9" * 30, "activity-log.kind": "x' OR true --", "activity-log.id": "-1"},
        {"activity-log.kind": "x" * 1000, "activity-log.stamp": "\0" * 40},
        {},
    ):
        quick = engine.api.create_host_config(init=True)
        made = engine.api.create_container("acme/web:1", labels={**labels, **more}, host_config=quick)
        engine.api.start(made["Id"])
    everything(runtime)

    assert running(engine) == []
    assert len(strays.kept()) == len(engine.ours()) == 5


def test_what_the_version_before_made_serves_until_what_can_be_told_from_others_has_replaced_it(
    runtime: DockerEngine, engine: Engine, acme: Organisation, api: Container, superuser: Any
) -> None:
    converge(runtime, api)
    [first] = running(engine)
    network = next(iter(first["NetworkSettings"]["Networks"]))
    engine.api.remove_container(first["Id"], force=True)
    superuser.execute(AS_THE_VERSION_BEFORE_LEFT_IT)
    old = engine.api.create_container(
        "acme/web:1",
        labels={name: value for name, value in first["Labels"].items() if name not in NEW_LABELS},
        host_config=engine.api.create_host_config(network_mode=network, init=True),
    )
    engine.api.start(old["Id"])
    served: list[bool] = []

    def look(*_: object) -> None:
        served.append(engine.api.inspect_container(old["Id"])["State"]["Running"])

    many = len(entries(acme))
    with before("rename", look):
        everything(runtime)
    everything(runtime)

    assert served == [True]
    assert ids(running(engine)) != [old["Id"]]
    assert len(engine.ours()) == 1
    assert [without_digest(each) for each in summaries(acme)[many:]] == ["Container my-api deployed acme/web:1"]


def listed_strays(settings: Settings) -> str:
    """What the operator's command says."""
    command = [sys.executable, "-c", "from web.cli import main; main()", "engine", "strays"]
    told = environment(settings, 8000)
    return subprocess.run(command, env=told, capture_output=True, text=True, check=True).stdout  # noqa: S603
