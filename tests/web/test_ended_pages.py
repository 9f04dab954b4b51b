"""Pages that list what there was."""

import pytest

from models.kinds.container import Container
from models.log.actor import Actor
from models.project import Project
from models.transaction import transaction
from tests.support.work import job_of, run
from tests.web.conftest import Visitor
from web.pages import resources

WEB = "/orgs/acme/projects/web"


@pytest.fixture
def gone(web: Project, ada: Actor) -> list[Container]:
    """Three containers that have ended."""
    made = []
    for handle in ("a", "b", "c"):
        with transaction():
            made.append(web.create(ada, Container, name=f"Name {handle}", handle=handle, image="nginx:1.28"))
        with transaction():
            made[-1].end(ada)
    return made


def test_what_has_ended_is_listed_with_its_page(owner: Visitor, gone: list[Container]) -> None:
    living, ended = owner.get(f"{WEB}/containers").text, owner.get(f"{WEB}/containers?ended=1").text

    assert f'href="{WEB}/containers?ended=1"' in living
    for each in gone:
        address = f"{WEB}/containers/{each.handle}/{each.id}"
        assert f'href="{address}"' in ended
        assert owner.get(address).status_code == 200
        assert f'href="{address}"' not in living


def test_the_list_of_what_has_ended_goes_on(
    owner: Visitor, gone: list[Container], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resources, "LIST_SIZE", 2)
    first = owner.get(f"{WEB}/containers?ended=1").text
    second = owner.get(f"{WEB}/containers?ended=1&after=b&id={gone[1].id}").text

    assert f"ended=1&amp;after=b&amp;id={gone[1].id}" in first
    assert "Name c" not in first
    assert "Name c" in second
    assert "Name b" not in second


@pytest.mark.parametrize("query", ["after=%00", "id=99999999999999999999", "id=x&after=x"])
def test_a_made_up_place_in_the_list_breaks_nothing(owner: Visitor, web: Project, query: str) -> None:
    assert owner.get(f"{WEB}/containers?ended=1&{query}").status_code in (200, 404)


def test_a_deleted_project_is_found_from_the_overview(
    owner: Visitor, web: Project, gone: list[Container], ada: Actor
) -> None:
    with transaction() as hints:
        web.delete(ada, "web")
    run(job_of(hints))

    assert 'href="/orgs/acme/projects"' in owner.get("/orgs/acme").text
    assert f'href="{WEB}"' in owner.get("/orgs/acme/projects").text
    assert f'href="{WEB}/containers?ended=1"' in owner.get(WEB).text
    assert "Name a" in owner.get(f"{WEB}/containers?ended=1").text


def test_the_deployments_of_what_has_ended_are_its_own(
    owner: Visitor, web: Project, api: Container, ada: Actor
) -> None:
    with transaction():
        api.end(ada)
    with transaction():
        web.create(ada, Container, name="my-api", handle="my-api", image="nginx:2.0")
    address = f"{WEB}/containers/my-api/{api.id}/deployments/1"

    assert f'href="{address}"' in owner.get(f"{WEB}/containers/my-api/{api.id}").text
    page = owner.get(address).text
    assert "nginx:1.27" in page
    assert "nginx:2.0" not in page
    assert owner.get(f"{WEB}/containers/my-api/{api.id}/deployments/99").status_code == 404
