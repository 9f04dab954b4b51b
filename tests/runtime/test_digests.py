"""Which bytes run: those that were deployed, whatever their name stands for by now."""

from typing import Any

import pytest

from bench import images
from bench.engine import Engine
from bench.engine import Registry as Private
from models.database import db
from models.jobs.deployment import short
from models.kinds.container import Container
from models.kinds.secret import Secret
from models.organisation import Organisation
from models.project import Project
from models.transaction import transaction
from tests.runtime.conftest import change, converge, everything, expire, fetch, from_private, observed, running
from tests.support.log import entries, summaries
from worker.engine.docker import DockerEngine

NAME = "moving/web:1"


@pytest.fixture
def moving(engine: Engine, web: Project, ada: Any) -> Container:
    """A container of an image that is going to be made anew under the same name."""
    images.make(engine.api, NAME, images.SERVE, "first")
    with transaction():
        return web.create(ada, Container, name="my-api", handle="my-api", image=NAME, memory_mib=64)


def move(engine: Engine, name: str = NAME) -> tuple[str, str]:
    """Let the name stand for something else; returns the ids of both."""
    before = engine.api.inspect_image(name)["Id"]
    images.make(engine.api, name, images.SERVE, "second")
    return before, engine.api.inspect_image(name)["Id"]


def lose(engine: Engine) -> None:
    """Someone removes all our containers."""
    for each in engine.ours():
        engine.api.remove_container(each["Id"], force=True)


def test_a_container_that_comes_back_runs_what_was_deployed_although_its_tag_has_moved(
    runtime: DockerEngine, engine: Engine, acme: Organisation, moving: Container
) -> None:
    converge(runtime, moving)
    many = len(entries(acme))
    before, _ = move(engine)
    lose(engine)
    everything(runtime)

    [one] = running(engine)
    assert one["ImageID"] == before
    assert fetch(engine, one["Id"], "http://my-api:8080/") == "first"
    assert len(entries(acme)) == many


def test_deployed_again_it_runs_what_the_tag_stands_for_now_and_the_log_points_it_out(
    runtime: DockerEngine, engine: Engine, acme: Organisation, moving: Container, ada: Any
) -> None:
    converge(runtime, moving)
    before, after = move(engine)
    db.session.refresh(moving)
    with transaction():
        moving.redeploy(ada)
    converge(runtime, moving)

    [one] = running(engine)
    assert fetch(engine, one["Id"], "http://my-api:8080/") == "second"
    assert summaries(acme)[-1] == f"Container my-api deployed {NAME} ({short(after)}, no longer {short(before)})"


def test_what_cannot_be_had_any_more_is_told_once_and_waits_for_someone_to_deploy_again(
    runtime: DockerEngine, engine: Engine, acme: Organisation, moving: Container, ada: Any
) -> None:
    converge(runtime, moving)
    many = len(entries(acme))
    before, after = move(engine)
    lose(engine)
    engine.api.remove_image(before, force=True)
    for _ in range(2):
        everything(runtime)
        expire(acme)

    [told] = summaries(acme)[many:]
    assert told == (
        f"Container my-api is down: what was deployed, {NAME} as {short(before)}, is not to be had any more (it was "
        "made on the engine and is gone from there); deploy again to run what the name stands for now"
    )
    assert observed(moving) == ("error", 1)
    assert running(engine) == []

    db.session.refresh(moving)
    with transaction():
        moving.redeploy(ada)
    converge(runtime, moving)
    assert summaries(acme)[-1] == f"Container my-api deployed {NAME} ({short(after)}, no longer {short(before)})"


def test_from_a_registry_it_is_pulled_again_by_its_digest(
    runtime: DockerEngine,
    engine: Engine,
    acme: Organisation,
    web: Project,
    ada: Any,
    private_registry: Private,
) -> None:
    name = f"{private_registry.server}/acme/moving"
    pushed(engine, private_registry, name, "first")
    shop = from_private(web, ada, private_registry, "acme/moving:1")
    converge(runtime, shop)
    many = len(entries(acme))
    [one] = running(engine)
    [digest] = [each.partition("@")[2] for each in engine.api.inspect_image(one["ImageID"])["RepoDigests"]]
    assert summaries(acme)[-1] == f"Container shop deployed acme/moving:1 ({short(digest)})"

    pushed(engine, private_registry, name, "second")
    lose(engine)
    engine.api.remove_image(one["ImageID"], force=True)
    everything(runtime)

    [again] = running(engine)
    assert fetch(engine, again["Id"], "http://shop:8080/") == "first"
    assert again["ImageID"] == one["ImageID"]
    assert len(entries(acme)) == many


def pushed(engine: Engine, registry: Private, name: str, page: str) -> None:
    """Have the registry hold another content under the tag 1, and the engine none."""
    images.make(engine.api, f"{name}:1", images.SERVE, page)
    auth = {"username": registry.username, "password": registry.password}
    said = list(engine.api.push(name, tag="1", auth_config=auth, stream=True, decode=True))
    assert not [each for each in said if "error" in each]
    engine.api.remove_image(f"{name}:1", force=True)


def test_what_comes_back_has_the_secrets_that_it_served_with(
    runtime: DockerEngine, engine: Engine, web: Project, ada: Any
) -> None:
    with transaction():
        token = web.create(ada, Secret, handle="token", value="first")
        api = web.create(
            ada, Container, name="my-api", handle="my-api", image="acme/web:1", memory_mib=64, secrets=["token"]
        )
    converge(runtime, api)
    with transaction():
        token.update(ada, token.version, value="second")
    lose(engine)
    everything(runtime)

    [one] = running(engine)
    assert "TOKEN=first" in engine.api.inspect_container(one["Id"])["Config"]["Env"]


def test_when_the_newest_has_failed_and_the_one_before_is_removed_it_comes_back_as_it_served(
    runtime: DockerEngine, engine: Engine, acme: Organisation, api: Container, ada: Any
) -> None:
    change(api, ada, environment="MODE=old")
    converge(runtime, api)
    change(api, ada, image="acme/ends:1", environment="MODE=new")
    converge(runtime, api)
    many = len(entries(acme))
    lose(engine)
    everything(runtime)

    [one] = running(engine)
    assert fetch(engine, one["Id"], "http://my-api:8080/") == "acme/web:1"
    assert "MODE=old" in engine.api.inspect_container(one["Id"])["Config"]["Env"]
    assert observed(api) == ("running", 2)
    assert len(entries(acme)) == many
    assert everything(runtime) == 0


def test_what_served_before_is_forgotten_with_what_replaces_it_and_with_its_end(
    runtime: DockerEngine, engine: Engine, api: Container, ada: Any, superuser: Any
) -> None:
    def kept() -> list[int]:
        found = superuser.execute("SELECT revision FROM deployments WHERE specification <> '' ORDER BY revision")
        return [revision for (revision,) in found]

    converge(runtime, api)
    assert kept() == [1]
    change(api, ada, image="acme/web:2")
    assert kept() == [1]
    converge(runtime, api)
    assert kept() == [2]
    db.session.refresh(api)
    with transaction():
        api.end(ada)
    assert kept() == []
