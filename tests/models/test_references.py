"""What refers to what: it must be there, and it stays while something refers to it."""

from typing import Any

import psycopg
import pytest
from flask import Flask

from models.database import db
from models.errors import InUse, Invalid
from models.kinds.container import Container
from models.kinds.registry import Registry
from models.kinds.resource import Resource
from models.kinds.secret import Secret
from models.log.actor import Actor
from models.organisation import Organisation, by_handle
from models.project import Project
from models.transaction import transaction
from tests.support.kinds import create, same
from tests.support.log import entries, latest_entry, summaries
from tests.support.together import meanwhile


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
