"""Everything of one kind in an organisation, page by page."""

from typing import Any

import psycopg
import pytest
from sqlalchemy import text

from models.database import db
from models.kinds.catalogue import KINDS, RUNNING
from models.kinds.container import Container
from models.kinds.resource import Resource
from models.log.actor import Actor
from models.organisation import Organisation
from models.overview import LATEST, LATEST_PROJECT, everywhere, query_of_everywhere
from models.people.user import User
from models.project import Project
from models.transaction import transaction
from tests.support.kinds import create
from tests.support.log import found_another


@pytest.fixture
def shop(acme: Organisation, ada: Actor) -> Project:
    """A second project, which is the newer one."""
    with transaction():
        return acme.create_project(ada, name="Shop", handle="shop")


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.noun)
def test_each_is_listed_with_its_project_the_newest_project_first(
    acme: Organisation, web: Project, shop: Project, ada: Actor, kind: type[Resource]
) -> None:
    for project, handle in ((web, "a"), (shop, "b"), (web, "c"), (shop, "d")):
        create(project, ada, kind, handle=handle)

    found = [(each.project_handle, each.project_name, each.line.handle) for each in everywhere(kind, acme.id)]
    assert found == [("shop", "Shop", "d"), ("shop", "Shop", "b"), ("web", "Web", "c"), ("web", "Web", "a")]


@pytest.mark.parametrize("size", [1, 2, 3])
def test_the_list_goes_on_where_a_page_ends(
    acme: Organisation, web: Project, shop: Project, ada: Actor, size: int
) -> None:
    for place, project in enumerate((web, shop, web, shop, web)):
        create(project, ada, Container, handle=f"c-{place}")
    seen: list[str] = []
    before = LATEST_PROJECT, LATEST
    while found := everywhere(Container, acme.id, before, size):
        seen += [each.line.handle for each in found]
        before = found[-1].place

    assert seen == ["c-3", "c-1", "c-4", "c-2", "c-0"]


def test_what_has_ended_and_what_is_another_organisations_is_not_listed(
    acme: Organisation, web: Project, api: Container, ada: Actor, people: dict[str, User]
) -> None:
    globex = found_another(people, ada, "globex")
    assert len(everywhere(Container, acme.id)) == 1
    with transaction():
        api.end(ada)

    assert everywhere(Container, acme.id) == everywhere(Container, globex.id) == []


def test_those_that_fail_can_be_listed_alone(
    acme: Organisation, web: Project, api: Container, ada: Actor, superuser: psycopg.Connection
) -> None:
    create(web, ada, Container, handle="well")
    assert [everywhere(kind, acme.id, only_failing=True) for kind in RUNNING] == [[] for _ in RUNNING]
    superuser.execute("UPDATE containers SET status = 'error' WHERE handle = 'my-api'")

    assert [each.line.handle for each in everywhere(Container, acme.id, only_failing=True)] == ["my-api"]


def test_a_page_of_it_walks_the_index_of_what_is_alive(
    acme: Organisation, web: Project, superuser: psycopg.Connection
) -> None:
    superuser.execute(
        """INSERT INTO projects (organisation_id, handle, name, state, version)
           SELECT %s, 'p-' || n, 'P', 'active', 1 FROM generate_series(1, 20) AS n""",
        [acme.id],
    )
    superuser.execute(
        """INSERT INTO containers (organisation_id, project_id, handle, name, image, port, health_path, cpu_millicores,
                                   memory_mib, environment, secrets, state, ended_at, version)
           SELECT %s, projects.id, 'c' || n, 'c', 'nginx:1', 80, '', 20, 64, '', '{}',
                  CASE WHEN n %% 2 = 0 THEN 'active' ELSE 'terminated' END, CASE WHEN n %% 2 = 1 THEN now() END, 1
             FROM generate_series(1, 1000) AS n, projects""",
        [acme.id],
    )
    superuser.execute("ANALYZE containers, projects")
    query = text(f"EXPLAIN (FORMAT JSON) {query_of_everywhere(Container, False).text}")
    values = {"organisation": acme.id, "project": 9, "before": LATEST, "limit": 51}
    [found] = db.session.execute(query, values).scalar_one()
    db.session.rollback()

    limits = [node for node in _nodes(found["Plan"]) if node["Node Type"] == "Limit"]
    assert [(node["Plans"][0]["Index Name"], node["Plans"][0]["Scan Direction"]) for node in limits] == [
        ("containers_alive", "Backward")
    ]


def _nodes(plan: dict[str, Any]) -> list[dict[str, Any]]:
    return [plan, *(node for each in plan.get("Plans", []) for node in _nodes(each))]
