"""The four kinds: created, updated, ended - what an entry says of it, and what is refused."""

from typing import Any

import psycopg
import pytest
from flask import Flask

from models.database import db
from models.errors import AlreadyEnded, HandleTaken, InUse, Invalid, NotFound, StaleVersion
from models.kinds.catalogue import KINDS
from models.kinds.container import Container
from models.kinds.memcached import Memcached
from models.kinds.registry import Registry
from models.kinds.resource import Resource
from models.kinds.secret import Secret
from models.log.actor import Actor
from models.log.record import PAST
from models.organisation import Organisation, by_handle
from models.project import Project
from models.transaction import transaction
from tests.support.log import entries, latest_entry, summaries
from tests.support.together import meanwhile, together

USUAL: dict[type[Resource], dict[str, Any]] = {
    Container: {"name": "My API", "handle": "it", "image": "nginx:1.28"},
    Memcached: {"name": "Cache", "handle": "it"},
    Registry: {"handle": "it", "server": "registry.example.com", "username": "ci", "password": "p"},
    Secret: {"handle": "it", "value": "v"},
}
CHANGED: dict[type[Resource], tuple[dict[str, Any], dict[str, Any]]] = {
    Container: ({"image": "nginx:1.29"}, {"image": ["nginx:1.28", "nginx:1.29"]}),
    Memcached: ({"memory_mib": "512"}, {"memory_mib": [256, 512]}),
    Registry: ({"username": "bot", "password": "q"}, {"username": ["ci", "bot"], "password": ["changed"]}),
    Secret: ({"value": "w"}, {"value": ["changed"]}),
}
OTHER: dict[type[Resource], dict[str, Any]] = {
    Container: {"image": "nginx:1.30"},
    Memcached: {"memory_mib": 1024},
    Registry: {"password": "r"},
    Secret: {"value": "x"},
}
kinds = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.noun)


def create(project: Project, actor: Actor, kind: type[Resource], **values: Any) -> Any:
    """One of the kind, with usual values where none are given."""
    with transaction():
        return project.create(actor, kind, **{**USUAL[kind], **values})


def same(kind: type[Resource]) -> Any:
    """It, as another session sees it."""
    organisation = by_handle("acme")
    assert organisation
    return organisation.find_project("web").find(kind, "it")


@kinds
def test_creating_is_one_entry_about_it_in_its_project(
    acme: Organisation, web: Project, ada: Actor, kind: type[Resource]
) -> None:
    resource = create(web, ada, kind)

    assert len(entries(acme)) == 6
    entry = latest_entry(acme)
    assert (entry.action, entry.resource_type, entry.resource_id) == ("create", kind.noun, resource.id)
    assert (entry.project_id, entry.project_name, entry.actor_id) == (web.id, "Web", ada.id)
    assert entry.summary == f"{kind.noun.capitalize()} {resource.name} created"


@kinds
def test_creating_tells_every_value_but_the_sealed_ones(
    acme: Organisation, web: Project, ada: Actor, kind: type[Resource]
) -> None:
    resource = create(web, ada, kind)

    told = latest_entry(acme).changes
    assert not told.keys() & set(kind.sealed())
    assert told == {
        name: [None, getattr(resource, name)]
        for name in kind.fields()
        if name not in kind.sealed() and getattr(resource, name) not in (None, "", [])
    }


@kinds
def test_an_update_says_what_changed_and_of_the_sealed_only_that(
    acme: Organisation, web: Project, ada: Actor, kind: type[Resource]
) -> None:
    resource = create(web, ada, kind)
    values, told = CHANGED[kind]
    with transaction():
        resource.update(ada, resource.version, **values)

    entry = latest_entry(acme)
    assert (entry.action, entry.changes) == ("update", told)
    assert entry.summary == f"{kind.noun.capitalize()} {resource.name} updated"


@kinds
def test_an_update_that_changes_nothing_writes_nothing(
    acme: Organisation, web: Project, ada: Actor, kind: type[Resource]
) -> None:
    resource = create(web, ada, kind)
    version = resource.version
    values = {name: value for name, value in USUAL[kind].items() if name != "handle"}
    with transaction():
        resource.update(ada, version, **values)

    assert len(entries(acme)) == 6
    assert resource.version == version


@kinds
def test_an_update_of_an_older_state_is_stale(
    acme: Organisation, web: Project, ada: Actor, kind: type[Resource]
) -> None:
    resource = create(web, ada, kind)
    seen = resource.version
    with transaction():
        resource.update(ada, seen, **CHANGED[kind][0])
    with pytest.raises(StaleVersion), transaction():
        resource.update(ada, seen, **USUAL[kind])

    assert len(entries(acme)) == 7


@kinds
def test_of_two_updates_at_once_one_is_stale(
    app: Flask, acme: Organisation, web: Project, ada: Actor, kind: type[Resource]
) -> None:
    seen = create(web, ada, kind).version
    outcomes = together(
        app,
        lambda: same(kind).update(ada, seen, **CHANGED[kind][0]),
        lambda: same(kind).update(ada, seen, **OTHER[kind]),
    )

    assert sorted(type(each).__name__ for each in outcomes) == ["NoneType", "StaleVersion"]
    assert len(entries(acme)) == 7


@kinds
def test_ending_is_one_entry(acme: Organisation, web: Project, ada: Actor, kind: type[Resource]) -> None:
    resource = create(web, ada, kind)
    with transaction():
        resource.end(ada)

    entry = latest_entry(acme)
    assert (entry.action, entry.changes) == (kind.end_action, None)
    assert entry.summary == f"{kind.noun.capitalize()} {resource.name} {PAST[kind.end_action]}"
    assert (resource.state, resource.ended_at is None) == (PAST[kind.end_action], False)


@kinds
def test_it_ends_once(acme: Organisation, web: Project, ada: Actor, kind: type[Resource]) -> None:
    resource = create(web, ada, kind)
    with transaction():
        resource.end(ada)
    with pytest.raises(AlreadyEnded), transaction():
        resource.end(ada)
    with pytest.raises(AlreadyEnded), transaction():
        resource.update(ada, resource.version, **CHANGED[kind][0])

    assert len(entries(acme)) == 7


@kinds
def test_two_who_end_it_at_once_leave_one_entry(
    app: Flask, acme: Organisation, web: Project, ada: Actor, grace: Actor, kind: type[Resource]
) -> None:
    create(web, ada, kind)
    outcomes = together(app, lambda: same(kind).end(ada), lambda: same(kind).end(grace))

    assert sum(each is None for each in outcomes) == 1
    assert [type(each) for each in outcomes if each is not None] in ([StaleVersion], [AlreadyEnded])
    assert len(entries(acme)) == 7


@kinds
def test_an_update_beside_an_ending_is_refused(
    app: Flask,
    acme: Organisation,
    web: Project,
    ada: Actor,
    superuser: psycopg.Connection,
    kind: type[Resource],
) -> None:
    resource = create(web, ada, kind)
    seen = resource.version
    with transaction():
        resource.end(ada)
        db.session.flush()
        update = meanwhile(app, superuser, lambda: same(kind).update(ada, seen, **CHANGED[kind][0]))

    assert isinstance(update.outcome, StaleVersion)
    assert len(entries(acme)) == 7


@kinds
def test_its_handle_is_free_again_after_its_end(
    acme: Organisation, web: Project, ada: Actor, kind: type[Resource]
) -> None:
    first = create(web, ada, kind)
    with transaction():
        first.end(ada)
    second = create(web, ada, kind)

    assert second.id != first.id
    assert web.find(kind, "it") is second


@kinds
def test_an_ended_one_is_found_as_long_as_nobody_else_bears_its_handle(
    web: Project, ada: Actor, kind: type[Resource]
) -> None:
    for _ in range(2):
        latest = create(web, ada, kind)
        with transaction():
            latest.end(ada)

    assert web.find(kind, "it") is latest


@kinds
def test_a_taken_handle_is_refused(acme: Organisation, web: Project, ada: Actor, kind: type[Resource]) -> None:
    create(web, ada, kind)
    with pytest.raises(HandleTaken, match="it"):
        create(web, ada, kind)

    assert len(entries(acme)) == 6


@kinds
def test_two_of_the_same_handle_at_once_leave_one(
    app: Flask, acme: Organisation, web: Project, ada: Actor, kind: type[Resource]
) -> None:
    def make() -> None:
        organisation = by_handle("acme")
        assert organisation
        organisation.find_project("web").create(ada, kind, **USUAL[kind])

    outcomes = together(app, make, make)

    assert sorted(type(each).__name__ for each in outcomes) == ["HandleTaken", "NoneType"]
    assert len(entries(acme)) == 6


@kinds
def test_projects_do_not_share_handles(acme: Organisation, web: Project, ada: Actor, kind: type[Resource]) -> None:
    with transaction():
        other = acme.create_project(ada, name="Other", handle="other")
    create(web, ada, kind)

    with pytest.raises(NotFound):
        other.find(kind, "it")
    assert create(other, ada, kind).project_id == other.id


@kinds
@pytest.mark.parametrize("handle", ["", "new", "It", "a b", "a_b", "-it", "it-", "ü", "h" * 52, "a\nb", "a\x00b"])
def test_a_bad_handle_is_refused(app: Flask, kind: type[Resource], handle: str) -> None:
    with pytest.raises(Invalid) as refused:
        kind(organisation_id=1, project_id=1).fill({**USUAL[kind], "handle": handle})

    assert refused.value.field == "handle"


@kinds
def test_the_handle_is_permanent(web: Project, ada: Actor, kind: type[Resource]) -> None:
    resource = create(web, ada, kind)
    with pytest.raises(Invalid, match="permanent"), transaction():
        resource.update(ada, resource.version, handle="other")


BOUNDS: list[tuple[type[Resource], str, list[Any], list[Any]]] = [
    (Container, "name", ["x", "ü" * 77], ["", " ", "n" * 78, "a\x00b", "a\nb", "a\x1bb", "a\u202eb", "a\x85b"]),
    (
        Container,
        "image",
        ["nginx:1", "r.example.com:5000/a/b:v1.2_3-4", f"nginx@sha256:{'a' * 64}", "n" * 253 + ":1"],
        ["", "nginx", "nginx:", "localhost:5000/nginx", "nginx:1 2", "nginx@sha256:abc", "n" * 254 + ":1", "a\x00:1"],
    ),
    (Container, "port", [1, "65535"], [0, 65_536, "", None, "http", "1.5", "-1"]),
    (Container, "health_path", ["", "/", "/health?x=1"], ["health", "/a b", "/" + "h" * 255, "/a\x00"]),
    (Container, "cpu_millicores", [20, 64_000], [19, 64_001, "", "inf"]),
    (Container, "memory_mib", [64, 1_048_576], [63, 1_048_577, "64 MiB"]),
    (
        Container,
        "environment",
        ["", "A=1", "A=", "_a=b=c\nB2= d"],
        ["A", "1A=1", "A B=1", "=1", "A=1\nA=2", "A=\x00", "A=" + "v" * 32_767, "A=\u202e"],
    ),
    (Memcached, "name", ["x", "n" * 77], ["", "n" * 78, "a\tb"]),
    (Memcached, "memory_mib", [64, "8192"], [0, 63, 65, 96, 16_384, "", None]),
    (Memcached, "nodes", [1, 9], [0, 10]),
    (Memcached, "max_item_mib", [1, 128], [0, 129]),
    (
        Registry,
        "server",
        ["r", "registry.example.com:5000", "s" * 255],
        ["", "https://registry.example.com", "a b", "-a", "a:", "a:123456", "s" * 256, "a\x00"],
    ),
    (Registry, "username", ["u", "u" * 255], ["", "u" * 256, "a\x00", "a\nb"]),
    (Registry, "password", ["p", " p ", "p" * 4096, "line\nline"], ["", "p" * 4097, "a\x00b", "a\x1bb"]),
    (Secret, "value", ["v", "v" * 32_768, "-----BEGIN\nKEY-----\n"], ["", "v" * 32_769, "a\x00b"]),
]


@pytest.mark.parametrize(
    ("kind", "field", "value"), [(kind, field, value) for kind, field, good, _ in BOUNDS for value in good]
)
def test_what_is_within_bounds_is_taken(
    app: Flask,
    kind: type[Resource],
    field: str,
    value: Any,
) -> None:
    resource = kind(organisation_id=1, project_id=1)
    resource.fill({**USUAL[kind], field: value})

    assert str(getattr(resource, field)) == str(value)


@pytest.mark.parametrize(
    ("kind", "field", "value"), [(kind, field, value) for kind, field, _, bad in BOUNDS for value in bad]
)
def test_what_is_out_of_bounds_is_refused_beside_its_field(
    app: Flask,
    kind: type[Resource],
    field: str,
    value: Any,
) -> None:
    with pytest.raises(Invalid) as refused:
        kind(organisation_id=1, project_id=1).fill({**USUAL[kind], field: value})

    assert refused.value.field == field


@kinds
def test_the_largest_values_fit_into_the_database(
    acme: Organisation, web: Project, ada: Actor, kind: type[Resource]
) -> None:
    largest: dict[str, Any] = {"handle": "h" * 51}
    for each, field, good, _ in BOUNDS:
        if each is kind:
            largest[field] = good[-1]
    create(web, ada, kind, **largest)

    assert len(entries(acme)) == 6


def test_a_field_that_is_not_declared_is_an_error_of_ours(web: Project, ada: Actor) -> None:
    with pytest.raises(KeyError, match="colour"):
        create(web, ada, Secret, colour="red")


@pytest.mark.parametrize(("kind", "field"), [(Registry, "password"), (Secret, "value")])
def test_a_sealed_value_left_empty_stays_what_it_is(
    acme: Organisation, web: Project, ada: Actor, kind: type[Resource], field: str
) -> None:
    resource = create(web, ada, kind)
    with transaction():
        resource.update(ada, resource.version, **{field: ""})

    assert getattr(resource, field) == USUAL[kind][field]
    assert len(entries(acme)) == 6


def test_the_server_of_a_registry_changes_without_its_password_being_typed_again(
    acme: Organisation, web: Project, ada: Actor
) -> None:
    registry = create(web, ada, Registry)
    with transaction():
        registry.update(ada, registry.version, server="other.example.com", username="ci", password="")

    assert latest_entry(acme).changes == {"server": ["registry.example.com", "other.example.com"]}


def test_a_variable_left_as_dots_keeps_its_value(acme: Organisation, api: Container, ada: Actor) -> None:
    with transaction():
        api.update(ada, api.version, environment="A=one\nB=two")
    with transaction():
        api.update(ada, api.version, environment="A=••••••••\nB=three")

    assert api.environment == "A=one\nB=three"
    assert latest_entry(acme).changes == {"environment": ["changed"]}


def test_a_container_refers_to_a_registry_and_secrets_of_its_project(
    acme: Organisation, web: Project, api: Container, ada: Actor
) -> None:
    create(web, ada, Registry, handle="main")
    create(web, ada, Secret, handle="b")
    create(web, ada, Secret, handle="a")
    with transaction():
        api.update(ada, api.version, registry_handle="main", secrets=["b", "a", "b"])

    assert latest_entry(acme).changes == {"registry_handle": [None, "main"], "secrets": [[], ["a", "b"]]}


@pytest.mark.parametrize(
    ("field", "value"), [("registry_handle", "missing"), ("secrets", ["missing"]), ("secrets", ["there", "missing"])]
)
def test_a_reference_to_what_is_not_there_is_refused(
    acme: Organisation, web: Project, ada: Actor, field: str, value: Any
) -> None:
    create(web, ada, Secret, handle="there")
    with pytest.raises(Invalid, match="missing") as refused:
        create(web, ada, Container, **{field: value})

    assert refused.value.field == field
    assert len(entries(acme)) == 6


def test_a_reference_to_another_project_is_refused(acme: Organisation, web: Project, ada: Actor) -> None:
    with transaction():
        other = acme.create_project(ada, name="Other", handle="other")
    create(other, ada, Secret, handle="theirs")
    with pytest.raises(Invalid, match="theirs"):
        create(web, ada, Container, secrets=["theirs"])


def test_a_reference_to_an_ended_secret_is_refused(web: Project, ada: Actor) -> None:
    ended = create(web, ada, Secret, handle="gone")
    with transaction():
        ended.end(ada)
    with pytest.raises(Invalid, match="gone"):
        create(web, ada, Container, secrets=["gone"])


@pytest.mark.parametrize(("kind", "reference"), [(Registry, {"registry_handle": "it"}), (Secret, {"secrets": ["it"]})])
def test_what_containers_use_is_not_ended_and_they_are_named(
    acme: Organisation, web: Project, ada: Actor, kind: type[Resource], reference: dict[str, Any]
) -> None:
    used = create(web, ada, kind)
    for number in range(7):
        create(web, ada, Container, name=f"c{number}", handle=f"c{number}", **reference)
    before = len(entries(acme))
    with pytest.raises(InUse, match=r"is used by c0, c1, c2, c3, c4 and 2 more\."), transaction():
        used.end(ada)

    assert len(entries(acme)) == before


@pytest.mark.parametrize(("kind", "reference"), [(Registry, {"registry_handle": "it"}), (Secret, {"secrets": ["it"]})])
def test_what_only_terminated_containers_used_can_be_ended(
    acme: Organisation, web: Project, ada: Actor, kind: type[Resource], reference: dict[str, Any]
) -> None:
    used = create(web, ada, kind)
    user = create(web, ada, Container, **reference)
    with transaction():
        user.end(ada)
    with transaction():
        used.end(ada)

    assert latest_entry(acme).action == "delete"


def test_what_another_projects_containers_use_under_the_same_name_can_be_ended(
    acme: Organisation, web: Project, ada: Actor
) -> None:
    mine = create(web, ada, Secret)
    with transaction():
        other = acme.create_project(ada, name="Other", handle="other")
    create(other, ada, Secret)
    create(other, ada, Container, secrets=["it"])
    with transaction():
        mine.end(ada)

    assert mine.state == "deleted"


def test_a_secret_is_not_deleted_while_a_container_is_being_linked_to_it(
    app: Flask, web: Project, ada: Actor, superuser: psycopg.Connection
) -> None:
    create(web, ada, Secret)
    with transaction():
        web.create(ada, Container, name="Late", handle="late", image="nginx:1.28", secrets=["it"])
        deletion = meanwhile(app, superuser, lambda: same(Secret).end(ada))

    assert isinstance(deletion.outcome, InUse)
    assert "Late" in str(deletion.outcome)


def test_a_container_is_not_linked_to_a_secret_that_is_being_deleted(
    app: Flask, acme: Organisation, web: Project, api: Container, ada: Actor, superuser: psycopg.Connection
) -> None:
    secret = create(web, ada, Secret)

    def link() -> None:
        organisation = by_handle("acme")
        assert organisation
        container = organisation.find_project("web").find(Container, "my-api")
        container.update(ada, container.version, secrets=["it"])

    with transaction():
        secret.end(ada)
        db.session.flush()
        linking = meanwhile(app, superuser, link)

    assert isinstance(linking.outcome, Invalid)
    assert summaries(acme)[-1] == "Secret it deleted"


def test_a_secret_reaches_containers_under_a_name_of_theirs() -> None:
    assert Secret(handle="db-password").as_environment_name == "DB_PASSWORD"
