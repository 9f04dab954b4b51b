"""Bringing a state of the log back: an update like any other, whose entry says which entry it restores."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from models.billing import suspension
from models.errors import AlreadyEnded, Invalid, NotFound, OrganisationSuspended, StaleVersion
from models.hold import hold_organisation_alone
from models.jobs import deployment_history
from models.kinds import restoring
from models.kinds.catalogue import KINDS
from models.kinds.container import Container
from models.kinds.registry import Registry
from models.kinds.resource import Resource
from models.kinds.restoring import Lost, Reference, Restoration, Why
from models.kinds.secret import Secret
from models.log.actor import Actor
from models.organisation import Organisation
from models.project import Project
from models.transaction import transaction
from tests.support.kinds import SAMPLES, create
from tests.support.log import entries, latest_entry, summaries

LATER = datetime(2100, 1, 1, tzinfo=UTC)


def preview(thing: Resource, number: int, at: datetime = LATER) -> Restoration:
    """What restoring the state after an entry would do; everything there is was there then, if not said otherwise."""
    return restoring.preview(thing, number, at)


def change(thing: Resource, actor: Actor, **values: object) -> None:
    """Saves an edit."""
    with transaction():
        thing.update(actor, thing.version, **values)


def restore(thing: Resource, actor: Actor, number: int, without: list[Reference] | None = None) -> None:
    """Restores the state after an entry, as it is seen now."""
    with transaction():
        thing.restore(actor, thing.version, number, without or [])


@pytest.fixture
def changed(api: Container, ada: Actor) -> Container:
    """A container whose entry 6 created it, and whose entries 7 and 8 changed it."""
    change(api, ada, image="nginx:1.28", memory_mib=512)
    change(api, ada, image="nginx:1.29", port=9090)
    return api


def test_it_is_as_it_was_and_one_entry_tells_which_one_it_restores(
    acme: Organisation, changed: Container, ada: Actor
) -> None:
    restore(changed, ada, 7)

    assert (changed.image, changed.memory_mib, changed.port) == ("nginx:1.28", 512, 8080)
    found = latest_entry(acme)
    assert (found.number, found.summary) == (9, "Container my-api restored to entry #7")
    assert found.changes == {
        "image": ["nginx:1.29", "nginx:1.28"],
        "port": [9090, 8080],
        "restores": [None, 7],
    }
    # A person did it: no entry set it off.
    assert (found.actor_name, found.action, found.cause_number) == ("Ada Lovelace", "update", None)


def test_the_preview_tells_what_the_entry_will(changed: Container, acme: Organisation, ada: Actor) -> None:
    foreseen = preview(changed, 6).changes
    restore(changed, ada, 6)

    assert {**foreseen, "restores": [None, 6]} == latest_entry(acme).changes
    assert foreseen.keys() == {"image", "memory_mib", "port"}


def test_a_restored_state_can_be_restored_from(changed: Container, ada: Actor) -> None:
    restore(changed, ada, 6)
    restore(changed, ada, 8)

    assert (changed.image, changed.port) == ("nginx:1.29", 9090)


def test_what_runs_is_deployed_anew(changed: Container, ada: Actor) -> None:
    restore(changed, ada, 6)
    [newest, *_] = deployment_history.history(changed.key)

    assert (newest.revision, newest.what, newest.cause_number) == (4, "nginx:1.27", 9)


def test_a_name_alone_comes_back_without_a_deployment(api: Container, ada: Actor) -> None:
    change(api, ada, name="Other")
    restore(api, ada, 6)

    assert api.name == "my-api"
    assert [each.revision for each in deployment_history.history(api.key)] == [1]


def test_what_is_so_already_is_not_recorded(acme: Organisation, changed: Container, ada: Actor) -> None:
    restore(changed, ada, 8)

    assert preview(changed, 8).changes == {}
    assert len(entries(acme)) == 8


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_comes_back_but_for_what_is_sealed(web: Project, ada: Actor, kind: type[Resource]) -> None:
    thing = create(web, ada, kind)
    before = {name: getattr(thing, name) for name in kind.fields() if name not in kind.sealed()}
    change(thing, ada, **SAMPLES[kind].changed)
    restore(thing, ada, 6)

    assert {name: getattr(thing, name) for name in before} == before


def test_a_page_that_is_older_than_the_last_change_is_refused(changed: Container, ada: Actor) -> None:
    with pytest.raises(StaleVersion), transaction():
        changed.restore(ada, changed.version - 1, 6)


def test_what_has_ended_is_not_brought_back(changed: Container, ada: Actor) -> None:
    with transaction():
        changed.end(ada)
    with pytest.raises(AlreadyEnded), transaction():
        changed.restore(ada, changed.version, 6)


def test_nothing_is_restored_while_the_organisation_is_suspended(
    acme: Organisation, changed: Container, ada: Actor
) -> None:
    with transaction():
        suspension.suspend(hold_organisation_alone(acme.id), suspension.By.OPERATOR, "an unpaid invoice", actor=ada)
    with pytest.raises(OrganisationSuspended), transaction():
        changed.restore(ada, changed.version, 6)


@pytest.mark.parametrize("number", [5, 9, 99])
def test_an_entry_about_something_else_restores_nothing(
    changed: Container, web: Project, ada: Actor, number: int
) -> None:
    create(web, ada, Secret, handle="token")
    with pytest.raises(NotFound), transaction():
        changed.restore(ada, changed.version, number)


class TestReferences:
    """What a container used then."""

    @pytest.fixture
    def secrets(self, web: Project, ada: Actor) -> dict[str, Resource]:
        """Two secrets and a registry: entries 6 to 8."""
        made = {handle: create(web, ada, Secret, handle=handle) for handle in ("one", "two")}
        return {**made, "hub": create(web, ada, Registry, handle="hub", server="hub.example.com")}

    @pytest.fixture
    def user(self, web: Project, ada: Actor, secrets: dict[str, Resource]) -> Container:
        """A container that used them once, in entry 9, and does not any more."""
        made: Container = create(
            web,
            ada,
            Container,
            secrets=[each for each in secrets if each != "hub"],
            registry_handle="hub",
            image="hub.example.com/api:1",
        )
        change(made, ada, secrets=[], registry_handle="", image="nginx:1.28")
        return made

    def test_they_come_back_while_they_exist(self, user: Container, ada: Actor) -> None:
        assert preview(user, 9).lost == []
        restore(user, ada, 9)

        assert (user.secrets, user.registry_handle) == (["one", "two"], "hub")

    def test_the_preview_tells_which_are_gone(self, user: Container, secrets: dict[str, Resource], ada: Actor) -> None:
        with transaction():
            secrets["one"].end(ada)
            secrets["hub"].end(ada)
        found = preview(user, 9)

        assert found.lost == [Lost("registry_handle", Why.GONE, "hub"), Lost("secrets", Why.GONE, "one")]
        assert found.without == [Reference("registry_handle", "hub"), Reference("secrets", "one")]
        assert found.changes["secrets"] == [[], ["two"]]
        assert "registry_handle" not in found.changes

    def test_what_is_gone_is_left_out_if_that_was_said(
        self, user: Container, secrets: dict[str, Resource], ada: Actor
    ) -> None:
        with transaction():
            secrets["one"].end(ada)
        restore(user, ada, 9, preview(user, 9).without)

        assert (user.secrets, user.registry_handle) == (["two"], "hub")

    def test_what_went_after_the_preview_is_refused_by_its_name(
        self, acme: Organisation, user: Container, secrets: dict[str, Resource], ada: Actor
    ) -> None:
        agreed = preview(user, 9).without
        with transaction():
            secrets["two"].end(ada)
        before = summaries(acme)
        with pytest.raises(Invalid, match="There is no two in this project any more"), transaction():
            user.restore(ada, user.version, 9, agreed)

        assert summaries(acme) == before

    def test_another_one_with_the_same_handle_is_told_and_used(
        self, web: Project, user: Container, secrets: dict[str, Resource], acme: Organisation, ada: Actor
    ) -> None:
        with transaction():
            secrets["one"].end(ada)
        create(web, ada, Secret, handle="one")
        [found] = preview(user, 9, entries(acme)[8].occurred_at).lost

        assert found == Lost("secrets", Why.REPLACED, "one")
        restore(user, ada, 9)
        assert user.secrets == ["one", "two"]

    def test_an_image_that_its_registry_cannot_have_any_more_is_refused(
        self, web: Project, user: Container, ada: Actor
    ) -> None:
        create(web, ada, Registry, handle="other", server="other.example.com")
        change(user, ada, registry_handle="other", image="other.example.com/api:2")
        with pytest.raises(Invalid), transaction():
            user.restore(ada, user.version, 9, [Reference("registry_handle", "hub")])


def test_what_is_sealed_and_has_changed_since_is_told_with_its_entry(api: Container, ada: Actor) -> None:
    change(api, ada, environment="A=1")
    change(api, ada, image="nginx:1.28")

    assert preview(api, 6).lost == [Lost("environment", Why.SEALED, number=7)]
    assert preview(api, 7).lost == []


def test_a_value_that_is_not_allowed_any_more_stays_out(
    changed: Container, ada: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    declared = Container.fields()["memory_mib"]
    monkeypatch.setitem(Container.fields(), "memory_mib", replace(declared, least=300))
    found = preview(changed, 6)

    assert found.lost == [Lost("memory_mib", Why.REFUSED, complaint="Memory (MiB) must be from 300 to 1,048,576.")]
    assert "memory_mib" not in found.changes
    restore(changed, ada, 6)
    assert (changed.image, changed.memory_mib) == ("nginx:1.27", 512)
