"""Projects: created, renamed, deleted; what may not happen in one that is going."""

import psycopg
import pytest
from flask import Flask

from models.database import db
from models.errors import (
    ConfirmationMismatch,
    HandleTaken,
    Invalid,
    NotFound,
    OrganisationSuspended,
    StaleVersion,
)
from models.jobs import job
from models.jobs.job import JobKey
from models.kinds.container import Container
from models.kinds.secret import Secret
from models.log.actor import Actor
from models.organisation import Organisation, by_handle
from models.project import Project
from models.transaction import transaction
from tests.support.log import entries, latest_entry, summaries
from tests.support.together import Deed, meanwhile, together


def its_project() -> Project:
    """The project web, as another session sees it."""
    organisation = by_handle("acme")
    assert organisation
    return organisation.find_project("web")


def test_creating_is_one_entry_that_bears_the_project(acme: Organisation, web: Project) -> None:
    entry = latest_entry(acme)

    assert (entry.action, entry.resource_type, entry.resource_id, entry.project_id) == (
        "create",
        "project",
        web.id,
        web.id,
    )
    assert entry.summary == "Project Web created"
    assert entry.changes == {"name": [None, "Web"], "handle": [None, "web"]}


def test_renaming_says_old_and_new(acme: Organisation, web: Project, ada: Actor) -> None:
    with transaction():
        web.update(ada, web.version, name="Shop")

    assert latest_entry(acme).changes == {"name": ["Web", "Shop"]}
    assert latest_entry(acme).summary == "Project Shop updated"


def test_a_rename_to_the_same_name_writes_nothing(acme: Organisation, web: Project, ada: Actor) -> None:
    with transaction():
        web.update(ada, web.version, name="Web")

    assert len(entries(acme)) == 5


def test_a_rename_of_an_older_state_is_stale(acme: Organisation, web: Project, ada: Actor) -> None:
    seen = web.version
    with transaction():
        web.update(ada, seen, name="First")
    with pytest.raises(StaleVersion), transaction():
        web.update(ada, seen, name="Second")

    assert len(entries(acme)) == 6


def test_of_two_renames_at_once_the_later_is_stale(
    app: Flask, acme: Organisation, web: Project, ada: Actor, superuser: psycopg.Connection
) -> None:
    seen = web.version
    with transaction():
        web.update(ada, seen, name="One")
        db.session.flush()
        second = meanwhile(app, superuser, lambda: its_project().update(ada, seen, name="Two"))

    assert isinstance(second.outcome, StaleVersion)
    assert summaries(acme)[5:] == ["Project One updated"]


def test_two_renames_at_once_do_not_wait_for_each_other(
    app: Flask, acme: Organisation, web: Project, ada: Actor
) -> None:
    seen = web.version
    with pytest.raises(StaleVersion), transaction():
        web.update(ada, seen, name="One")
        assert Deed(app, lambda: its_project().update(ada, seen, name="Two")).outcome is None

    assert summaries(acme)[5:] == ["Project Two updated"]


def test_a_rename_beside_a_deletion_is_refused(
    app: Flask, acme: Organisation, web: Project, ada: Actor, superuser: psycopg.Connection
) -> None:
    seen = web.version
    with transaction():
        web.delete(ada, "web")
        db.session.flush()
        renaming = meanwhile(app, superuser, lambda: its_project().update(ada, seen, name="Late"))

    assert isinstance(renaming.outcome, StaleVersion | NotFound)
    assert summaries(acme)[5:] == ["Project Web deleted"]


def test_the_handle_is_permanent(web: Project, ada: Actor) -> None:
    with pytest.raises(Invalid, match="permanent"), transaction():
        web.update(ada, web.version, name="Web", handle="other")


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": "n" * 78}, "name"),
        ({"name": "a\nb"}, "name"),
        ({"handle": "new"}, "handle"),
        ({"handle": "Web"}, "handle"),
        ({"handle": "h" * 52}, "handle"),
    ],
)
def test_what_is_out_of_bounds_is_refused_beside_its_field(
    acme: Organisation, ada: Actor, wrong: dict[str, str], field: str
) -> None:
    with pytest.raises(Invalid) as refused, transaction():
        acme.create_project(ada, **{"name": "Web", "handle": "web", **wrong})

    assert refused.value.field == field
    assert len(entries(acme)) == 4


def test_a_taken_handle_is_refused(acme: Organisation, web: Project, ada: Actor) -> None:
    with pytest.raises(HandleTaken), transaction():
        acme.create_project(ada, name="Other", handle="web")


def test_its_handle_is_never_free_again(
    acme: Organisation, web: Project, ada: Actor, superuser: psycopg.Connection
) -> None:
    superuser.execute("UPDATE projects SET state = 'deleted', ended_at = now()")
    with pytest.raises(HandleTaken), transaction():
        acme.create_project(ada, name="Web", handle="web")


def test_deleting_asks_for_the_handle(web: Project, ada: Actor) -> None:
    with pytest.raises(ConfirmationMismatch), transaction():
        web.delete(ada, "Web")


def test_deleting_is_one_entry_and_a_job_that_names_it(acme: Organisation, web: Project, ada: Actor) -> None:
    with transaction() as hints:
        web.delete(ada, "web")

    deletion = latest_entry(acme)
    [key] = hints
    assert isinstance(key, JobKey)
    progress = job.latest(acme.id, web.id)
    assert (deletion.summary, deletion.action) == ("Project Web deleted", "delete")
    assert progress
    assert (key.organisation_id, progress.cause_number) == (acme.id, deletion.number)


def test_two_who_delete_it_at_once_leave_one_entry(
    app: Flask, acme: Organisation, web: Project, ada: Actor, grace: Actor
) -> None:
    outcomes = together(app, lambda: its_project().delete(ada, "web"), lambda: its_project().delete(grace, "web"))

    assert sum(each is None for each in outcomes) == 1
    assert summaries(acme)[5:] == ["Project Web deleted"]


@pytest.mark.parametrize("state", ["deleting", "deleted"])
def test_nothing_happens_in_a_project_that_is_going(
    acme: Organisation, web: Project, api: Container, ada: Actor, superuser: psycopg.Connection, state: str
) -> None:
    superuser.execute("UPDATE projects SET state = %s", (state,))
    db.session.expire_all()
    with pytest.raises(NotFound), transaction():
        web.create(ada, Secret, handle="token", value="x")
    with pytest.raises(NotFound), transaction():
        web.update(ada, web.version, name="Other")
    with pytest.raises(NotFound), transaction():
        api.update(ada, api.version, name="other")
    with pytest.raises(NotFound), transaction():
        web.delete(ada, "web")

    assert len(entries(acme)) == 6


@pytest.mark.parametrize(
    ("state", "refusal"), [("suspended", OrganisationSuspended), ("deleting", NotFound), ("deleted", NotFound)]
)
def test_nothing_is_created_or_changed_in_an_organisation_that_is_not_active(
    acme: Organisation,
    web: Project,
    api: Container,
    ada: Actor,
    superuser: psycopg.Connection,
    state: str,
    refusal: type[Exception],
) -> None:
    superuser.execute("UPDATE organisations SET state = %s", (state,))
    with pytest.raises(refusal), transaction():
        web.create(ada, Secret, handle="token", value="x")
    with pytest.raises(refusal), transaction():
        web.update(ada, web.version, name="Other")
    with pytest.raises(refusal), transaction():
        api.update(ada, api.version, name="other")

    assert len(entries(acme)) == 6


def test_a_deletion_waits_for_a_container_that_is_being_created(
    app: Flask, acme: Organisation, web: Project, ada: Actor, superuser: psycopg.Connection
) -> None:
    with transaction():
        web.create(ada, Container, name="late", handle="late", image="nginx:1.28")
        deletion = meanwhile(app, superuser, lambda: its_project().delete(ada, "web"))

    assert deletion.outcome is None
    assert summaries(acme)[5:] == ["Container late created", "Project Web deleted"]


def test_a_container_beside_a_deletion_is_refused_once_the_project_is_gone(
    app: Flask, acme: Organisation, web: Project, ada: Actor, superuser: psycopg.Connection
) -> None:
    def create() -> Container:
        return its_project().create(ada, Container, name="late", handle="late", image="nginx:1.28")

    with transaction():
        web.delete(ada, "web")
        db.session.flush()
        creation = meanwhile(app, superuser, create)

    assert isinstance(creation.outcome, NotFound)
    assert summaries(acme)[5:] == ["Project Web deleted"]


def test_a_container_beside_the_deletion_of_the_organisation_is_refused(
    app: Flask, acme: Organisation, web: Project, ada: Actor, superuser: psycopg.Connection
) -> None:
    def create() -> Container:
        return its_project().create(ada, Container, name="late", handle="late", image="nginx:1.28")

    with transaction():
        acme.delete(ada, "acme")
        db.session.flush()
        creation = meanwhile(app, superuser, create)

    assert isinstance(creation.outcome, NotFound)


def test_a_project_of_another_organisation_is_not_found(acme: Organisation) -> None:
    with pytest.raises(NotFound):
        acme.find_project("web")


def test_its_resources_come_newest_first_from_below_an_id(web: Project, ada: Actor) -> None:
    for number in range(3):
        with transaction():
            web.create(ada, Secret, handle=f"s-{number}", value="x")

    first, second, third = web.resources(Secret)
    assert [each.handle for each in (first, second, third)] == ["s-2", "s-1", "s-0"]
    assert web.resources(Secret, before=first.id, size=1) == [second]
