"""What the dashboard and a project's page read at a glance."""

from datetime import UTC, datetime

import psycopg

from models.billing.account import account_of
from models.database import db
from models.installation import NO_ENGINE, report
from models.jobs import job, observation
from models.jobs.observation import Observed
from models.kinds.catalogue import KINDS
from models.kinds.container import Container
from models.kinds.memcached import Memcached
from models.kinds.registry import Registry
from models.kinds.secret import Secret
from models.log.actor import Actor
from models.organisation import Organisation
from models.overview import FIRST_FEW, Line, ProjectLine, contents, lines, overview
from models.people.user import User
from models.project import Project
from models.transaction import transaction
from tests.support.log import found_another


def test_an_organisation_counts_what_lives_in_it(acme: Organisation, web: Project, api: Container, ada: Actor) -> None:
    with transaction():
        web.create(ada, Secret, handle="token", value="x")
    with transaction():
        api.end(ada)

    living = {kind.noun: 0 for kind in KINDS} | {"secret": 1}
    assert overview(acme.id).counts == {"projects": 1, "members": 4} | living


def test_it_counts_nothing_of_others(acme: Organisation, api: Container, people: dict[str, User], ada: Actor) -> None:
    globex = found_another(people, ada, "globex")

    found = overview(globex.id)
    assert found.counts == {"projects": 0, "members": 1} | {kind.noun: 0 for kind in KINDS}
    assert found.projects == []


def test_its_projects_come_newest_first_and_without_the_deleted_ones(
    acme: Organisation, web: Project, ada: Actor, superuser: psycopg.Connection
) -> None:
    for handle in ("two", "three"):
        with transaction():
            acme.create_project(ada, name=handle.capitalize(), handle=handle)
    superuser.execute("UPDATE projects SET state = 'deleted' WHERE handle = 'two'")

    assert overview(acme.id).projects == [ProjectLine("three", "Three", "active"), ProjectLine("web", "Web", "active")]


def test_its_balance_is_the_account_s(acme: Organisation) -> None:
    account = account_of(acme.id)

    assert overview(acme.id).balance == (account.balance_cents, account.auto_top_up, account.threshold_cents)


def test_its_work_is_that_of_the_whole_organisation_and_what_is_stuck_anywhere(
    acme: Organisation, web: Project, ada: Actor, superuser: psycopg.Connection
) -> None:
    assert overview(acme.id).progress is None
    with transaction():
        web.delete(ada, "web")
    superuser.execute("UPDATE jobs SET state = 'stuck', error = 'Broken'")
    with transaction():
        acme.delete(ada, "acme")

    found = overview(acme.id)
    assert found.progress == job.latest(acme.id)
    assert [(each.project, each.error) for each in found.troubles] == [("Web", "Broken")]


def test_it_says_what_was_reported_of_the_engine(acme: Organisation, web: Project) -> None:
    assert overview(acme.id).engine == contents(acme.id, web.id).engine == (None, None, None)
    with transaction():
        report(NO_ENGINE, datetime.now(UTC), "none")

    found = overview(acme.id).engine
    assert found.seen_at is not None
    assert (found.engine, found.error) == (NO_ENGINE, "none")
    assert contents(acme.id, web.id).engine == found


def test_a_project_shows_a_few_of_each_kind_and_counts_them_all(
    acme: Organisation, web: Project, api: Container, ada: Actor
) -> None:
    with transaction():
        other = acme.create_project(ada, name="Other", handle="other")
    with transaction():
        other.create(ada, Secret, handle="theirs", value="x")
        for number in range(FIRST_FEW + 2):
            web.create(ada, Secret, handle=f"s-{number}", value="x")

    found = {each.kind: each for each in contents(acme.id, web.id).kinds}
    assert list(found) == list(KINDS)
    assert {kind: each.total for kind, each in found.items()} == {Container: 1, Memcached: 0, Registry: 0, Secret: 12}
    assert [each.handle for each in found[Secret].lines] == [f"s-{number}" for number in range(11, 1, -1)]


def test_a_line_says_what_a_list_shows_of_it(acme: Organisation, web: Project, api: Container, ada: Actor) -> None:
    with transaction():
        cache = web.create(ada, Memcached, name="Cache", handle="cache", nodes=3, memory_mib=512)
        registry = web.create(ada, Registry, handle="hub", server="r.example.com", username="x", password="y")
        secret = web.create(ada, Secret, handle="db-password", value="x")

    expected = [
        Line(api.id, "my-api", "my-api", "nginx:1.27", "active", None, 1, None),
        Line(cache.id, "cache", "Cache", "3 × 512 MiB", "active", None, 1, None),
        Line(registry.id, "hub", "hub", "r.example.com", "active", None, None, None),
        Line(secret.id, "db-password", "db-password", "DB_PASSWORD", "active", None, None, None),
    ]
    assert [line for each in contents(acme.id, web.id).kinds for line in each.lines] == expected
    assert [line for kind in KINDS for line in lines(kind, acme.id, web.id)] == expected


def test_a_list_goes_on_below_an_id_and_leaves_out_what_ended(acme: Organisation, web: Project, ada: Actor) -> None:
    with transaction():
        first, second, third = (web.create(ada, Secret, handle=f"s-{number}", value="x") for number in range(3))
    with transaction():
        first.end(ada)

    assert [each.handle for each in lines(Secret, acme.id, web.id, before=third.id)] == [second.handle]
    assert [each.handle for each in lines(Secret, acme.id, web.id, size=1)] == [third.handle]


def test_what_is_in_error_is_counted_apart_and_only_while_it_is_to_run(
    acme: Organisation, web: Project, api: Container, ada: Actor
) -> None:
    with transaction():
        observation.observe([Observed(api.key, None, "error", "no such image")])
    assert overview(acme.id).failing == {"container": 1, "memcached": 0}
    db.session.refresh(api)
    with transaction():
        api.end(ada)

    assert overview(acme.id).failing["container"] == 0
