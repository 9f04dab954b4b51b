"""A resource as it was after an entry, rebuilt from the log alone."""

from dataclasses import replace
from typing import Any

import psycopg
import pytest

from models.errors import InUse
from models.kinds.catalogue import BY_NOUN, KINDS
from models.kinds.container import Container
from models.kinds.registry import Registry
from models.kinds.resource import Resource
from models.kinds.secret import Secret
from models.log import history
from models.log.actor import Actor
from models.log.history import Told, state_after
from models.log.record import Action, Changes, Subject, record
from models.organisation import Organisation
from models.project import Project
from models.transaction import transaction
from tests.support.history import differences, rows_of
from tests.support.kinds import SAMPLES, create
from tests.support.log import latest_entry
from tests.support.work import run


def after(thing: Resource | Subject, number: int) -> history.Rebuilt:
    """The thing as it was after an entry."""
    kind = BY_NOUN[thing.noun]
    found = state_after(kind, thing.organisation_id, thing.id, number)
    assert found
    return found


def tell(thing: Resource | Subject, actor: Actor, changes: Changes | None, action: Action = Action.UPDATE) -> int:
    """Adds an entry about the thing, without changing it; returns its number."""
    with transaction():
        told = record(actor, action, thing if isinstance(thing, Subject) else thing.subject, changes)
    return told.number


@pytest.fixture
def unheard(api: Container) -> Subject:
    """A container of which the log says nothing yet."""
    return replace(api.subject, id=api.id + 1000)


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_is_what_it_was_after_each_of_its_entries(
    acme: Organisation, web: Project, ada: Actor, kind: type[Resource], superuser: psycopg.Connection
) -> None:
    taken = []
    thing = create(web, ada, kind)
    taken.append(rows_of(superuser))
    for values in (SAMPLES[kind].changed, SAMPLES[kind].other):
        with transaction():
            thing.update(ada, thing.version, **values)
        taken.append(rows_of(superuser))
    with transaction():
        thing.end(ada)
    taken.append(rows_of(superuser))

    assert [len(each.rows) for each in taken] == [1, 1, 1, 1]
    assert differences(taken) == []


def test_a_rebuilt_state_that_is_not_the_row_is_found(
    api: Container, ada: Actor, superuser: psycopg.Connection
) -> None:
    superuser.execute("UPDATE containers SET image = 'nginx:2'")
    [found] = differences([rows_of(superuser)])

    assert "image" in found


def test_a_change_shows_from_its_entry_on(api: Container, ada: Actor) -> None:
    with transaction():
        api.update(ada, api.version, image="nginx:1.28")

    assert (after(api, 6).values["image"], after(api, 7).values["image"]) == ("nginx:1.27", "nginx:1.28")
    assert (after(api, 6).fields["image"].number, after(api, 7).fields["image"].number) == (6, 7)


def test_between_two_of_its_entries_it_is_what_it_was_after_the_first(
    acme: Organisation, api: Container, ada: Actor
) -> None:
    with transaction():
        acme.update(ada, acme.version, name="Acme Corporation")
    with transaction():
        api.update(ada, api.version, image="nginx:1.28")

    assert after(api, 7) == after(api, 6)
    assert (after(api, 7).number, after(api, 7).latest, after(api, 7).is_latest) == (6, 8, False)
    assert after(api, 99).is_latest


def test_before_its_creation_there_is_none(api: Container) -> None:
    assert state_after(Container, api.organisation_id, api.id, 5) is None


def test_what_never_was_has_no_state(acme: Organisation) -> None:
    assert state_after(Container, acme.id, 99, 99) is None


def test_another_organisation_s_log_tells_nothing_of_it(api: Container) -> None:
    assert state_after(Container, api.organisation_id + 1, api.id, 99) is None


def test_what_it_was_created_without_is_empty(api: Container) -> None:
    fields = after(api, 6).fields

    assert [fields[name] for name in ("health_path", "registry_handle", "secrets")] == [
        (Told.EMPTY, "", None),
        (Told.EMPTY, None, None),
        (Told.EMPTY, [], None),
    ]


def test_of_what_is_sealed_only_the_change_is_known(web: Project, ada: Actor) -> None:
    secret = create(web, ada, Secret, handle="token", value="one")
    with transaction():
        secret.update(ada, secret.version, value="two")

    assert after(secret, 6).fields["value"] == (Told.SEALED, None, None)
    assert after(secret, 7).fields["value"] == (Told.SEALED, None, 7)
    assert "value" not in after(secret, 7).values


def test_a_creation_that_told_no_values_leaves_them_unrecorded(unheard: Subject, ada: Actor) -> None:
    first = tell(unheard, ada, None, Action.CREATE)

    assert {kept.told for name, kept in after(unheard, first).fields.items() if name != "environment"} == {
        Told.UNRECORDED
    }
    assert after(unheard, first).values == {}


def test_a_creation_that_told_less_than_today_leaves_the_rest_unrecorded(unheard: Subject, ada: Actor) -> None:
    first = tell(unheard, ada, {"image": [None, "nginx:1"]}, Action.CREATE)

    found = after(unheard, first).fields
    assert (found["image"].value, found["port"].told, found["secrets"].told) == ("nginx:1", Told.UNRECORDED, Told.EMPTY)


def test_what_a_creation_did_not_tell_is_known_from_the_entry_that_changed_it(unheard: Subject, ada: Actor) -> None:
    first = tell(unheard, ada, None, Action.CREATE)
    tell(unheard, ada, {"port": [80, 8080]})
    tell(unheard, ada, {"port": [8080, 9090]})

    assert after(unheard, first).fields["port"] == (Told.VALUE, 80, None)


def test_a_suspension_and_its_end_are_told_as_its_state(acme: Organisation, api: Container, ada: Actor) -> None:
    suspended = tell(api, ada, {"state": ["active", "suspended"]})
    resumed = tell(api, ada, {"state": ["suspended", "active"]})

    assert [after(api, number).state for number in (6, suspended, resumed)] == ["active", "suspended", "active"]


def test_an_end_by_the_system_is_an_end(acme: Organisation, web: Project, api: Container, ada: Actor) -> None:
    with transaction() as hints:
        web.delete(ada, "web")
    for each in hints:
        run(each)
    number = latest_entry(acme).number

    assert not after(api, 6).has_ended
    assert (after(api, number).has_ended, after(api, number).state) == (True, "terminated")


def test_a_project_and_an_organisation_have_their_states_too(acme: Organisation, web: Project, ada: Actor) -> None:
    with transaction():
        web.update(ada, web.version, name="Shop")
    found = [state_after(Project, acme.id, web.id, number) for number in (5, 6)]
    founded = state_after(Organisation, acme.id, acme.id, 1)

    assert [each and each.values["name"] for each in found] == ["Web", "Shop"]
    assert founded
    assert founded.values["email"] == "ops@acme.example.com"


class TestOfALongHistory:
    """One that is longer than what a request looks at."""

    @pytest.fixture(autouse=True)
    def looked(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """A request looks at ten entries of a resource."""
        monkeypatch.setattr(history, "LOOKED_MOST", 10)

    @staticmethod
    def age(thing: Resource, actor: Actor, entries: int) -> int:
        """Changes its memory so often; returns the number of the last entry."""
        numbers = [tell(thing, actor, {"memory_mib": [256 + n, 257 + n]}) for n in range(entries)]
        return numbers[-1]

    def test_the_way_back_ends_somewhere_and_says_where(self, api: Container, ada: Actor) -> None:
        last = self.age(api, ada, 25)
        found = after(api, last)

        assert found.looked_to == last - 9
        assert found.fields["memory_mib"] == (Told.VALUE, 281, last)
        assert found.fields["image"] == (Told.BEYOND, None, None)
        assert found.state is None

    def test_what_was_not_found_is_found_from_where_the_way_back_ended(self, api: Container, ada: Actor) -> None:
        place, found = self.age(api, ada, 25), set[Any]()
        while True:
            then = after(api, place)
            found.add(then.values.get("image"))
            if then.looked_to is None:
                break
            place = then.looked_to

        assert found == {None, "nginx:1.27"}
        assert place < 16

    def test_a_change_that_follows_tells_what_was_before(self, api: Container, ada: Actor) -> None:
        last = self.age(api, ada, 25)
        tell(api, ada, {"image": ["nginx:1.27", "nginx:1.28"], "state": ["active", "suspended"]})

        assert after(api, last).fields["image"] == (Told.VALUE, "nginx:1.27", None)
        assert after(api, last).state == "active"


def test_references_that_still_exist_are_known_by_their_handles(web: Project, ada: Actor) -> None:
    create(web, ada, Secret, handle="token")
    registry = create(web, ada, Registry, handle="main")
    used = create(web, ada, Container, registry_handle="main", secrets=["token"])

    assert {name: after(used, 8).values[name] for name in ("registry_handle", "secrets")} == {
        "registry_handle": "main",
        "secrets": ["token"],
    }
    with pytest.raises(InUse), transaction():
        registry.end(ada)
