"""Lists of what there was."""

import psycopg
import pytest
from sqlalchemy import text

from models import ended
from models.database import db
from models.ended import all_projects, ended_resources
from models.kinds.container import Container
from models.log.actor import Actor
from models.organisation import Organisation
from models.project import Project
from models.transaction import transaction
from tests.support.work import job_of, run


@pytest.fixture
def gone(web: Project, ada: Actor) -> list[int]:
    """The ids of five containers that have ended, two of one handle, beside one that has not."""
    ids = []
    for handle in ("b", "a", "c", "a", "d"):
        with transaction():
            one = web.create(ada, Container, name=handle.upper(), handle=handle, image="nginx:1.28")
        with transaction():
            one.end(ada)
        ids.append(one.id)
    with transaction():
        web.create(ada, Container, name="alive", handle="a", image="nginx:1.28")
    return ids


def test_what_has_ended_is_listed_by_handle_and_nothing_else(acme: Organisation, web: Project, gone: list[int]) -> None:
    found = ended_resources(Container, acme.id, web.id)

    assert [(each.handle, each.id) for each in found] == sorted(zip("bacad", gone, strict=True))
    assert [each.name for each in found] == ["A", "A", "B", "C", "D"]


@pytest.mark.parametrize("size", [1, 2, 3])
def test_the_list_goes_on_where_a_page_ends(acme: Organisation, web: Project, gone: list[int], size: int) -> None:
    seen: list[int] = []
    after = ("", 0)
    while found := ended_resources(Container, acme.id, web.id, after, size):
        seen += [each.id for each in found]
        after = found[-1].handle, found[-1].id

    assert sorted(seen) == sorted(gone)
    assert len(seen) == len(set(seen))


def test_a_page_of_it_walks_the_index_of_what_has_ended(
    acme: Organisation, web: Project, superuser: psycopg.Connection
) -> None:
    superuser.execute(
        """INSERT INTO containers (organisation_id, project_id, handle, name, image, port, health_path, cpu_millicores,
                                   memory_mib, environment, secrets, state, ended_at, version)
           SELECT %s, %s, 'c' || n %% 400, 'c', 'nginx:1', 80, '', 20, 64, '', '{}', 'terminated', now(), 1
             FROM generate_series(1, 20000) AS n""",
        (acme.id, web.id),
    )
    superuser.execute("ANALYZE containers")
    query = text(f"EXPLAIN (FORMAT JSON) {ended.query_of(Container).text}")
    values = {"organisation": acme.id, "project": web.id, "handle": "c2", "id": 7, "limit": 51}
    [plan] = db.session.execute(query, values).scalar_one()
    db.session.rollback()

    assert plan["Plan"]["Node Type"] == "Limit"
    assert plan["Plan"]["Plans"][0]["Index Name"] == "containers_ended"


def test_deleted_projects_are_among_all(acme: Organisation, web: Project, ada: Actor) -> None:
    with transaction() as hints:
        web.delete(ada, "web")
    run(job_of(hints))
    with transaction():
        acme.create_project(ada, name="Shop", handle="shop")
    found = all_projects(acme.id)

    assert [(each.handle, each.state, each.ended_at is None) for each in found] == [
        ("shop", "active", True),
        ("web", "deleted", False),
    ]
    assert [each.handle for each in all_projects(acme.id, before=found[0].id)] == ["web"]
