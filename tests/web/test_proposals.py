"""A port is proposed from the image, with and without scripts, and never forced; hints stand where they apply."""

from html import unescape
from typing import Any

import pytest

from models.database import db
from models.kinds.container import Container
from models.kinds.registry import Registry
from models.kinds.secret import Secret
from models.log.actor import Actor
from models.project import Project
from models.transaction import transaction
from tests.web.conftest import Visitor

WEB = "/orgs/acme/projects/web"
NEW = f"{WEB}/containers/new"
TYPED = {"name": "Front", "handle": "front", "image": "nginx:1.28", "cpu_millicores": "250", "memory_mib": "256"}


def asked(visitor: Visitor, **typed: str) -> str:
    """What is proposed while one types."""
    return visitor.fragment(f"{NEW}?proposed=port&{'&'.join(f'{name}={value}' for name, value in typed.items())}").text


def stored(project: Project, handle: str) -> Any:
    """The container with this handle, as it is stored now."""
    db.session.expire_all()
    return project.find(Container, handle)


@pytest.mark.parametrize(
    ("image", "port"), [("nginx:1.28", 80), ("valkey/valkey:8.1-alpine", 6379), ("acme/api:1", 8080)]
)
def test_a_port_that_is_left_empty_is_the_usual_one_of_the_image(
    owner: Visitor, web: Project, image: str, port: int
) -> None:
    answer = owner.post(NEW, **{**TYPED, "image": image, "port": ""})

    assert answer.status_code == 302
    assert stored(web, "front").port == port


def test_a_port_that_was_typed_is_kept_whatever_is_usual(owner: Visitor, web: Project) -> None:
    owner.post(NEW, **TYPED, port="8081")

    assert stored(web, "front").port == 8081


def test_the_form_of_a_new_one_leaves_the_port_to_the_image(owner: Visitor, web: Project) -> None:
    page = owner.get(NEW).text
    [port] = [each for each in page.split("<input ") if 'name="port"' in each.split(">")[0]]

    assert 'value=""' in port.split(">")[0]
    assert "Left empty: the usual one of a well-known image, or 8080." in page


def test_what_is_proposed_is_said_while_one_types(owner: Visitor, web: Project) -> None:
    assert asked(owner, image="nginx:1.28", port="") == "Left empty: 80, which is usual for nginx."
    assert asked(owner, image="nginx:1.28", port="8080") == "80 is usual for nginx."
    assert asked(owner, image="nginx:1.28", port="80") == ""
    assert asked(owner, image="acme/api:1", port="") == ""
    assert asked(owner) == ""
    assert owner.fragment(f"{NEW}?proposed=name").text == ""
    assert owner.fragment(f"{WEB}/secrets/new?proposed=port").text == ""


def test_nothing_that_was_typed_comes_back_in_a_proposal(owner: Visitor, web: Project) -> None:
    assert "<b>" not in asked(owner, image="<b>nginx:1", port="<b>")


def test_another_image_has_its_port_proposed_and_the_old_one_stays(owner: Visitor, web: Project) -> None:
    owner.post(NEW, **TYPED, port="")
    one = stored(web, "front")
    typed = {**TYPED, "image": "redis:7.4", "port": "80", "version": str(one.version), "look": "1"}
    page = owner.post(f"{WEB}/containers/front", **typed)

    assert page.status_code == 200
    assert "6379 is usual for redis." in page.text
    assert stored(web, "front").image == "nginx:1.28"
    del typed["look"]
    assert owner.post(f"{WEB}/containers/front", **typed).status_code == 302
    assert (stored(web, "front").image, stored(web, "front").port) == ("redis:7.4", 80)


def test_looking_at_the_price_creates_nothing_and_keeps_what_was_typed(owner: Visitor, web: Project) -> None:
    page = owner.post(NEW, **{**TYPED, "cpu_millicores": "1000", "memory_mib": "1024"}, look="1")

    assert page.status_code == 200
    assert "€25.48 a month" in page.text
    assert 'value="Front"' in page.text
    assert 'class="error"' not in page.text
    assert web.resources(Container) == []


def test_hints_stand_where_they_apply(owner: Visitor, web: Project, ada: Actor) -> None:
    page = owner.get(NEW).text
    assert "leave the dots" not in page
    assert "reaches the container as" not in page
    assert "Whose credentials pull it" not in page
    with transaction():
        web.create(ada, Secret, handle="token", value="v")
        web.create(ada, Registry, handle="main", server="r.example.com", username="ci", password="p")
    page = owner.get(NEW).text
    assert "reaches the container as" in page
    assert "Whose credentials pull it" in page
    owner.post(NEW, **TYPED, port="")
    page = unescape(owner.get(f"{WEB}/containers/front").text)
    assert "leave the dots to keep one" in page
    assert "Left empty" not in page
