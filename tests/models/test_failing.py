"""What changed before something that runs failed."""

import pytest

from models.jobs import deployment_history
from models.jobs.deployment_history import Deployment
from models.jobs.observation import Observed, observe
from models.kinds.container import Container
from models.kinds.failing import BeforeFailure, before_failure, failed_deployment
from models.kinds.registry import Registry
from models.kinds.resource import Resource
from models.kinds.secret import Secret
from models.log.actor import Actor
from models.organisation import Organisation
from models.project import Project
from models.transaction import transaction
from tests.support.deployments import deployed, fail
from tests.support.kinds import create


def change(thing: Resource, actor: Actor, **values: object) -> None:
    """Saves an edit."""
    with transaction():
        thing.update(actor, thing.version, **values)


def come_up(thing: Container) -> None:
    """Its newest revision comes up."""
    deployed(thing.key, thing.revision)


def found(organisation: Organisation, thing: Container) -> BeforeFailure:
    """What changed before its newest deployment failed."""
    failed = failed_deployment(thing, newest(thing))
    assert failed
    return before_failure(organisation.named, thing, failed, money=True)


def newest(thing: Container) -> Deployment:
    """Its newest deployment."""
    return deployment_history.history(thing.key)[0]


def told(before: BeforeFailure) -> list[str]:
    """The sentences of the entries, oldest first."""
    return [each.summary for each in reversed(before.entries)]


@pytest.fixture
def used(web: Project, ada: Actor) -> dict[str, Resource]:
    """A registry and a secret that the container uses, and a secret that it does not."""
    made = {handle: create(web, ada, Secret, handle=handle) for handle in ("token", "other")}
    return {**made, "hub": create(web, ada, Registry, handle="hub", server="hub.example.com")}


@pytest.fixture
def user(web: Project, ada: Actor, used: dict[str, Resource]) -> Container:
    """A container that is up."""
    made: Container = create(
        web, ada, Container, secrets=[used["token"].handle], registry_handle="hub", image="hub.example.com/api:1"
    )
    come_up(made)
    return made


def test_it_tells_what_changed_of_it_and_of_what_it_uses_since_it_came_up(
    acme: Organisation, user: Container, used: dict[str, Resource], ada: Actor
) -> None:
    change(used["token"], ada, value="new")
    change(used["other"], ada, value="new")
    change(used["hub"], ada, username="bot")
    change(user, ada, image="hub.example.com/api:2", memory_mib=64)
    fail(user)
    before = found(acme, user)

    assert told(before) == [
        "Container My API deployed hub.example.com/api:1 (sha256:3f2a3f2a3f2a…)",
        "Secret token updated",
        "Registry hub updated",
        "Container My API updated",
        "Container My API failed to deploy: image not found",
    ]
    assert before.good
    assert (before.failed.revision, before.good.revision) == (2, 1)
    assert before.was
    assert before.became
    differing = {name for name, value in before.became.values.items() if before.was.values[name] != value}
    assert differing == {"image", "memory_mib"}


def test_what_follows_the_failure_is_not_among_it(
    acme: Organisation, user: Container, used: dict[str, Resource], ada: Actor
) -> None:
    change(user, ada, image="hub.example.com/api:2")
    fail(user)
    change(used["token"], ada, value="new")

    assert "Secret token updated" not in told(found(acme, user))


def test_what_it_used_before_and_not_any_more_is_among_it(
    acme: Organisation, user: Container, used: dict[str, Resource], ada: Actor
) -> None:
    change(user, ada, secrets=[])
    with transaction():
        used["token"].end(ada)
    fail(user)

    assert "Secret token deleted" in told(found(acme, user))


def test_a_deployment_that_failed_is_not_what_it_is_compared_with(
    acme: Organisation, user: Container, ada: Actor
) -> None:
    for number in (2, 3):
        change(user, ada, image=f"hub.example.com/api:{number}")
        fail(user)
    before = found(acme, user)

    assert before.good
    assert (before.failed.revision, before.good.revision) == (3, 1)
    assert len([each for each in told(before) if "failed to deploy" in each]) == 2


def test_what_never_came_up_is_told_from_its_creation_on(acme: Organisation, api: Container) -> None:
    fail(api)
    before = found(acme, api)

    assert before.good is None
    assert told(before) == ["Container my-api created", "Container my-api failed to deploy: image not found"]


def test_what_came_up_and_fails_is_compared_with_what_came_up_before(
    acme: Organisation, user: Container, ada: Actor
) -> None:
    change(user, ada, memory_mib=64)
    come_up(user)
    with transaction():
        observe([Observed(user.key, 2, "error", "restarting: 8 times in 100 s, last exit 137, out of memory")])
    before = found(acme, fresh(acme, user))

    assert before.good
    assert (before.failed.revision, before.good.revision) == (2, 1)
    assert before.was
    assert before.became
    assert (before.was.values["memory_mib"], before.became.values["memory_mib"]) == (256, 64)


def test_of_what_is_well_or_has_ended_nothing_failed(acme: Organisation, user: Container, ada: Actor) -> None:
    assert failed_deployment(user, newest(user)) is None
    change(user, ada, image="hub.example.com/api:2")
    fail(user)
    with transaction():
        user.end(ada)
    assert failed_deployment(user, newest(user)) is None


def test_only_as_many_entries_are_told_as_one_reads(acme: Organisation, user: Container, ada: Actor) -> None:
    for number in range(25):
        change(user, ada, name=f"N{number}")
    change(user, ada, image="hub.example.com/api:2")
    fail(user)
    before = found(acme, user)

    assert (len(before.entries), before.has_more) == (20, True)
    assert before.entries[0].summary == "Container N24 failed to deploy: image not found"


def fresh(organisation: Organisation, thing: Container) -> Container:
    """The thing as it is stored now."""
    return organisation.find_project("web").find(Container, thing.handle)
