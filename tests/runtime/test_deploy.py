"""Real containers on a real engine: what comes up, what does not, and what the log says of it."""

import subprocess
import sys
from typing import Any

import pytest

from bench import engine as engines
from bench.engine import Engine
from models.database import db
from models.jobs.deployment import short
from models.kinds.container import Container
from models.kinds.memcached import Memcached
from models.kinds.registry import Registry
from models.kinds.secret import Secret
from models.organisation import Organisation
from models.project import Project
from models.transaction import transaction
from tests.runtime.conftest import (
    HEALTH_SECONDS,
    change,
    converge,
    fetch,
    from_private,
    observed,
    reaches,
    running,
    said,
)
from tests.support.deployments import without_digest
from tests.support.log import entries, latest_entry, summaries
from worker.engine.docker import DockerEngine

# A registry that takes a connection and says nothing, until its input ends.
SILENT = """
import socket, sys
listening = socket.create_server(("127.0.0.1", 0))
print(listening.getsockname()[1], flush=True)
sys.stdin.read()
"""


def test_a_container_comes_up_and_the_log_says_so(
    runtime: DockerEngine, engine: Engine, acme: Organisation, api: Container
) -> None:
    created = latest_entry(acme).number
    converge(runtime, api)

    deployed, digest = latest_entry(acme), engine.api.inspect_image("acme/web:1")["Id"]
    assert deployed.summary == f"Container my-api deployed acme/web:1 ({short(digest)})"
    assert (deployed.actor_name, deployed.actor_id, deployed.cause_number) == ("system", None, created)
    assert deployed.changes == {"deployed_revision": [None, 1], "image_digest": [None, digest]}
    assert observed(api) == ("running", 1)
    [one] = running(engine)
    assert fetch(engine, one["Id"], "http://my-api:8080/") == "acme/web:1"


def test_it_runs_as_it_was_told_and_with_no_more_rights_than_needed(
    runtime: DockerEngine, engine: Engine, web: Project, ada: Any
) -> None:
    with transaction():
        web.create(ada, Secret, handle="db-password", value="s3cr3t")
        api = web.create(
            ada,
            Container,
            name="my-api",
            handle="my-api",
            image="acme/web:1",
            cpu_millicores=100,
            memory_mib=96,
            environment="MODE=fast\nEMPTY=\ndiscovery.type=one  ",
            secrets=["db-password"],
            health_path="/health",
        )
    converge(runtime, api)

    [one] = running(engine)
    found = engine.api.inspect_container(one["Id"])
    host, config = found["HostConfig"], found["Config"]
    assert {"MODE=fast", "EMPTY=", "discovery.type=one  ", "DB_PASSWORD=s3cr3t"} <= set(config["Env"])
    assert (host["Memory"], host["MemorySwap"], host["NanoCpus"]) == (96 * 2**20, 96 * 2**20, 100_000_000)
    assert host["PidsLimit"] == 512
    # Newer engines let a network find a container by its host name, and it is not to be found before it is healthy.
    assert config["Hostname"] != "my-api"
    assert host["CapDrop"] == ["ALL"]
    assert "no-new-privileges" in host["SecurityOpt"]
    assert host["RestartPolicy"]["Name"] == "unless-stopped"
    assert config["Healthcheck"]["Test"][-2] == "http://127.0.0.1:8080/health"
    assert not any("s3cr3t" in str(each) for each in config["Labels"].values())


def test_a_new_image_replaces_the_old_one(
    runtime: DockerEngine, engine: Engine, acme: Organisation, api: Container, ada: Any
) -> None:
    converge(runtime, api)
    change(api, ada, image="acme/web:2")
    asked = latest_entry(acme).number
    converge(runtime, api)

    assert without_digest(latest_entry(acme).summary) == "Container my-api deployed acme/web:2"
    assert latest_entry(acme).cause_number == asked
    [one] = running(engine)
    assert fetch(engine, one["Id"], "http://my-api:8080/") == "acme/web:2"
    assert len(engine.ours()) == 1


def test_a_new_name_deploys_nothing(
    runtime: DockerEngine, engine: Engine, acme: Organisation, api: Container, ada: Any
) -> None:
    converge(runtime, api)
    before = running(engine)
    change(api, ada, name="Other")
    converge(runtime, api)

    assert [each["Id"] for each in running(engine)] == [each["Id"] for each in before]
    assert latest_entry(acme).summary == "Container Other updated"


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"image": "127.0.0.1:1/acme/web:9"}, "its registry cannot be reached"),
        ({"image": "acme/ends:1"}, "it ended at once, with status 3"),
        ({"image": "acme/greedy:1"}, "out of memory: it needs more than its 64 MiB"),
        (
            {"health_path": "/missing"},
            f"health check failed: /missing on port 8080 did not answer well within {HEALTH_SECONDS} s "
            "(nothing there, or an error)",
        ),
        ({"health_path": "/$(exit)'`", "port": 9}, "health check failed: /$(exit)'` on port 9"),
        ({"cpu_millicores": 64_000}, "the engine refused it: it may use more CPUs than the engine has"),
    ],
)
def test_what_does_not_come_up_says_why_and_leaves_what_was_there_serving(
    runtime: DockerEngine,
    engine: Engine,
    acme: Organisation,
    api: Container,
    ada: Any,
    values: dict[str, Any],
    reason: str,
) -> None:
    converge(runtime, api)
    before = running(engine)
    change(api, ada, **values)
    asked = latest_entry(acme).number
    converge(runtime, api)

    failed = latest_entry(acme)
    assert failed.summary.startswith(f"Container my-api failed to deploy: {reason}")
    assert (failed.actor_name, failed.cause_number, failed.action) == ("system", asked, "update")
    assert [each["Id"] for each in engine.ours()] == [each["Id"] for each in before]
    assert fetch(engine, before[0]["Id"], "http://my-api:8080/") == "acme/web:1"
    assert observed(api) == ("running", 1)
    converge(runtime, api)
    assert latest_entry(acme).number == failed.number


def test_a_first_deployment_that_fails_leaves_nothing_but_an_error(
    runtime: DockerEngine, engine: Engine, acme: Organisation, web: Project, ada: Any
) -> None:
    with transaction():
        ends = web.create(ada, Container, name="ends", handle="ends", image="acme/ends:1", memory_mib=64)
    converge(runtime, ends)

    assert observed(ends) == ("error", None)
    assert engine.ours() == []


@pytest.fixture
def private(web: Project, ada: Any, private_registry: engines.Registry) -> Container:
    """A container whose image is in a registry with a password."""
    return from_private(web, ada, private_registry, "acme/private:1")


def test_an_image_is_pulled_with_the_credentials_of_its_registry(
    runtime: DockerEngine, engine: Engine, acme: Organisation, private: Container
) -> None:
    converge(runtime, private)

    assert without_digest(latest_entry(acme).summary) == "Container shop deployed acme/private:1"
    [one] = running(engine)
    assert fetch(engine, one["Id"], "http://shop:8080/").endswith("/acme/private:1")


def test_what_a_registry_refuses_is_told_apart(
    runtime: DockerEngine,
    engine: Engine,
    acme: Organisation,
    web: Project,
    private: Container,
    ada: Any,
    private_registry: engines.Registry,
) -> None:
    converge(runtime, private)
    change(private, ada, image="acme/private:9")
    converge(runtime, private)
    assert latest_entry(acme).summary == "Container shop failed to deploy: image acme/private:9 not found"

    main = web.find(Registry, "main")
    with transaction():
        main.update(ada, main.version, password="wrong")
    change(private, ada, image="acme/private:2")
    converge(runtime, private)
    server = private_registry.server
    assert (
        latest_entry(acme).summary
        == f"Container shop failed to deploy: registry {server} refused the credentials of main"
    )

    with transaction():
        main.update(ada, main.version, server="127.0.0.1:1")
    change(private, ada, port=81)
    converge(runtime, private)
    assert latest_entry(acme).summary == "Container shop failed to deploy: registry 127.0.0.1:1 cannot be reached"
    assert len(running(engine)) == 1


def test_a_registry_that_says_nothing_is_not_waited_for(
    runtime: DockerEngine, engine: Engine, acme: Organisation, web: Project, ada: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("worker.engine.docker.STALLED_SECONDS", 2)
    listening = subprocess.Popen(  # noqa: S603 (our own program)
        engine.inside(sys.executable, "-c", SILENT), stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    with listening as silent:
        assert silent.stdout
        image = f"127.0.0.1:{int(silent.stdout.readline())}/acme/web:1"
        with transaction():
            api = web.create(ada, Container, name="my-api", handle="my-api", image=image, memory_mib=64)
        converge(runtime, api)

    assert latest_entry(acme).summary == "Container my-api failed to deploy: its registry stopped answering"


def test_a_health_check_that_never_ends_is_not_waited_for(
    runtime: DockerEngine, engine: Engine, acme: Organisation, web: Project, ada: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    # As an image would whose `sh` is something else.
    monkeypatch.setattr("worker.engine.health.PROBE", "trap '' TERM; while :; do sleep 1; done")
    with transaction():
        api = web.create(
            ada, Container, name="my-api", handle="my-api", image="acme/web:1", memory_mib=64, health_path="/health"
        )
    converge(runtime, api)

    assert latest_entry(acme).summary.endswith(f"did not answer well within {HEALTH_SECONDS} s (no answer in time)")
    assert engine.ours() == []


def test_an_image_that_another_one_pulled_is_not_to_be_had_without_credentials(
    runtime: DockerEngine,
    acme: Organisation,
    web: Project,
    private: Container,
    ada: Any,
    private_registry: engines.Registry,
) -> None:
    converge(runtime, private)
    image = f"{private_registry.server}/acme/private:1"
    with transaction():
        thief = web.create(ada, Container, name="thief", handle="thief", image=image, memory_mib=64)
    converge(runtime, thief)

    assert (
        latest_entry(acme).summary
        == f"Container thief failed to deploy: image {image} not found, or its registry wants credentials"
    )


def test_a_secret_takes_effect_with_the_next_deployment(
    runtime: DockerEngine, engine: Engine, acme: Organisation, web: Project, ada: Any
) -> None:
    with transaction():
        token = web.create(ada, Secret, handle="token", value="first")
        api = web.create(
            ada, Container, name="my-api", handle="my-api", image="acme/web:1", memory_mib=64, secrets=["token"]
        )
    converge(runtime, api)
    with transaction():
        token.update(ada, token.version, value="second")
    converge(runtime, api)
    [before] = running(engine)
    assert "TOKEN=first" in engine.api.inspect_container(before["Id"])["Config"]["Env"]
    db.session.refresh(api)
    with transaction():
        api.redeploy(ada)
    converge(runtime, api)
    [after] = running(engine)

    assert before["Id"] != after["Id"]
    assert "TOKEN=second" in engine.api.inspect_container(after["Id"])["Config"]["Env"]
    assert summaries(acme)[-2] == "Container my-api to be deployed again"
    assert without_digest(summaries(acme)[-1]) == "Container my-api deployed acme/web:1"


def test_nothing_sealed_is_in_the_log_whatever_the_engine_says(
    runtime: DockerEngine, acme: Organisation, web: Project, ada: Any
) -> None:
    with transaction():
        api = web.create(
            ada,
            Container,
            name="my-api",
            handle="my-api",
            image="acme/web:1",
            environment="TOKEN=canary",
            cpu_millicores=64_000,
        )
    converge(runtime, api)

    assert not [each for each in entries(acme) if "canary" in str(each)]


def test_memcached_runs_in_as_many_nodes_and_is_reached_by_its_handle(
    runtime: DockerEngine, engine: Engine, acme: Organisation, web: Project, api: Container, ada: Any
) -> None:
    with transaction():
        cache = web.create(ada, Memcached, name="cache", handle="cache", memory_mib=64, nodes=2, max_item_mib=2)
    converge(runtime, api, cache)

    assert without_digest(latest_entry(acme).summary) == "Memcached cache deployed 2 × 64 MiB"
    assert len(running(engine, cache.key)) == 2
    [client] = running(engine, api.key)
    ask = "printf 'stats settings\\r\\nquit\\r\\n' | nc cache 11211"
    settings = said(engine, client["Id"], ["sh", "-c", ask])
    assert "STAT maxbytes 67108864" in settings
    assert "STAT item_size_max 2097152" in settings


def test_a_node_that_got_lost_is_brought_back_and_the_others_keep_what_they_hold(
    runtime: DockerEngine, engine: Engine, acme: Organisation, web: Project, ada: Any
) -> None:
    with transaction():
        cache = web.create(ada, Memcached, name="cache", handle="cache", memory_mib=64, nodes=3)
    converge(runtime, cache)
    before = {each["Id"] for each in running(engine, cache.key)}
    lost = min(before)
    engine.api.remove_container(lost, force=True)
    converge(runtime, cache)
    after = {each["Id"] for each in running(engine, cache.key)}

    assert len(after) == 3
    assert before - after == {lost}


def test_containers_of_one_project_reach_each_other_and_those_of_another_do_not(
    runtime: DockerEngine, engine: Engine, acme: Organisation, web: Project, api: Container, ada: Any
) -> None:
    with transaction():
        other = acme.create_project(ada, name="Other", handle="other")
    with transaction():
        near = web.create(ada, Container, name="near", handle="near", image="acme/web:2", memory_mib=64)
        far = other.create(ada, Container, name="far", handle="far", image="acme/web:2", memory_mib=64)
    converge(runtime, api, near, far)
    [mine], [neighbour], [stranger] = (running(engine, each.key) for each in (api, near, far))
    [network] = mine["NetworkSettings"]["Networks"].values()

    assert fetch(engine, neighbour["Id"], "http://my-api:8080/") == "acme/web:1"
    for address in ("http://my-api:8080/", f"http://{network['IPAddress']}:8080/"):
        assert reaches(engine, neighbour["Id"], address)
        assert not reaches(engine, stranger["Id"], address)
