"""Cascades: everything in it ended once, by the system, because of the entry that deleted it."""

from collections import Counter

import psycopg
import pytest

from models.errors import LeaseLost
from models.jobs import job
from models.kinds.catalogue import KINDS
from models.log.actor import Actor
from models.log.record import PAST
from models.organisation import Organisation
from models.project import Project
from models.system import cascade, sweep
from models.transaction import transaction
from tests.support.cascades import alive, claimed, delete, effects, expected_order, state_of
from tests.support.kinds import furnish
from tests.support.log import entries, latest_entry, summaries

FIRST = KINDS[0]
Killed = KeyboardInterrupt


@pytest.fixture
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two rows a chunk, so that there are several."""
    monkeypatch.setattr(sweep, "CHUNK", 2)


def test_a_project_s_deletion_ends_everything_in_it(
    acme: Organisation, web: Project, ada: Actor, superuser: psycopg.Connection
) -> None:
    furnish(web, ada)
    assert cascade.run(delete(web, ada))

    assert alive(superuser) == 0
    assert state_of(superuser, "projects") == [("deleted",)]


def test_each_ended_resource_has_one_entry_by_the_system_with_its_cause(
    acme: Organisation, web: Project, ada: Actor
) -> None:
    furnish(web, ada)
    key = delete(web, ada)
    cause = latest_entry(acme).number
    cascade.run(key)

    found = effects(acme, cause)
    created = {(each.resource_type, each.resource_id) for each in entries(acme)[5:] if each.action == "create"}
    assert Counter((each.resource_type, each.resource_id) for each in found) == Counter(created)
    assert {(each.actor_id, each.actor_name, each.actor_role, each.door) for each in found} == {
        (None, "system", None, "worker")
    }


def test_the_entries_say_type_name_project_and_what_happened(acme: Organisation, web: Project, ada: Actor) -> None:
    furnish(web, ada, count=1)
    cascade.run(delete(web, ada))

    assert summaries(acme)[5 + len(KINDS) :] == [
        "Project Web deleted",
        *(f"{kind.noun.capitalize()} {kind.noun}-0 {PAST[kind.end_action]}" for kind in KINDS),
    ]
    assert {each.project_name for each in entries(acme)[5 + len(KINDS) :]} == {"Web"}


def test_an_organisation_s_deletion_ends_its_projects_too_children_first(
    acme: Organisation, web: Project, ada: Actor, superuser: psycopg.Connection
) -> None:
    with transaction():
        other = acme.create_project(ada, name="Other", handle="other")
    for project in (web, other):
        furnish(project, ada, count=2)
    key = delete(acme, ada)
    cause = latest_entry(acme).number
    cascade.run(key)

    found = effects(acme, cause)
    assert [each.resource_type for each in found] == [kind for _ in range(2) for kind in expected_order(2)]
    assert [each.project_name for each in found] == ["Web"] * len(expected_order(2)) + ["Other"] * len(
        expected_order(2)
    )
    assert alive(superuser) == 0
    assert state_of(superuser, "projects") == [("deleted",), ("deleted",)]
    assert state_of(superuser, "organisations") == [("deleted",)]


def test_the_organisation_itself_has_one_entry(acme: Organisation, web: Project, ada: Actor) -> None:
    cascade.run(delete(acme, ada))

    deletions = [each for each in entries(acme) if each.resource_type == "organisation" and each.action == "delete"]
    assert [each.actor_name for each in deletions] == ["Ada Lovelace"]


def test_an_empty_organisation_is_deleted(acme: Organisation, ada: Actor, superuser: psycopg.Connection) -> None:
    cascade.run(delete(acme, ada))

    assert state_of(superuser, "organisations") == [("deleted",)]


def test_a_project_that_a_person_deleted_before_gets_no_second_entry(
    acme: Organisation, web: Project, ada: Actor, superuser: psycopg.Connection
) -> None:
    furnish(web, ada, count=1)
    of_project = delete(web, ada)
    of_organisation = delete(acme, ada)
    cascade.run(of_organisation)
    cascade.run(of_project)

    deletions = [each for each in entries(acme) if each.resource_type == "project" and each.action == "delete"]
    assert [each.actor_name for each in deletions] == ["Ada Lovelace"]
    assert alive(superuser) == 0
    assert job.unfinished() == []


def test_a_project_deleted_and_emptied_before_is_left_alone(acme: Organisation, web: Project, ada: Actor) -> None:
    cascade.run(delete(web, ada))
    before = len(entries(acme))
    cascade.run(delete(acme, ada))

    assert summaries(acme)[before:] == ["Organisation Acme deleted"]


def test_what_was_ended_before_gets_no_second_entry(acme: Organisation, web: Project, ada: Actor) -> None:
    furnish(web, ada, count=2)
    with transaction():
        web.find(FIRST, f"{FIRST.noun}-0").end(ada)
    cascade.run(delete(web, ada))

    ended = [each.resource_name for each in entries(acme) if each.action == FIRST.end_action]
    assert [each for each in ended if each.startswith(FIRST.noun)] == [f"{FIRST.noun}-0", f"{FIRST.noun}-1"]


def test_other_projects_and_organisations_are_left_alone(
    acme: Organisation, web: Project, ada: Actor, superuser: psycopg.Connection
) -> None:
    with transaction():
        other = acme.create_project(ada, name="Other", handle="other")
    furnish(web, ada, count=1)
    furnish(other, ada, count=1)
    cascade.run(delete(web, ada))

    assert alive(superuser) == 4
    assert state_of(superuser, "projects") == [("deleted",), ("active",)]


def test_running_a_job_twice_does_nothing(acme: Organisation, web: Project, ada: Actor) -> None:
    furnish(web, ada)
    key = delete(web, ada)
    assert cascade.run(key)
    before = len(entries(acme))

    assert not cascade.run(key)
    assert len(entries(acme)) == before


def test_doing_the_work_again_after_its_end_is_refused_and_writes_nothing(
    acme: Organisation, web: Project, ada: Actor
) -> None:
    furnish(web, ada)
    lease = claimed(delete(web, ada))
    for _ in cascade.steps(lease):
        pass
    before = len(entries(acme))

    with pytest.raises(LeaseLost):
        for _ in cascade.steps(lease):
            pass
    assert len(entries(acme)) == before


def test_what_is_sealed_is_wiped(web: Project, ada: Actor, superuser: psycopg.Connection) -> None:
    furnish(web, ada)
    cascade.run(delete(web, ada))

    for kind in KINDS:
        for name in kind.sealed():
            query = f"SELECT DISTINCT {name} FROM {kind.plural}".encode()
            assert superuser.execute(query).fetchall() == [("",)]


def test_progress_ends_at_its_total(acme: Organisation, web: Project, ada: Actor, small_chunks: None) -> None:
    furnish(web, ada)
    cascade.run(delete(web, ada))
    of_project = job.latest(acme.id, web.id)
    assert of_project
    assert (of_project.done, of_project.total, of_project.finished) == (12, 12, True)


def test_progress_of_an_organisation_counts_projects_too(
    acme: Organisation, web: Project, ada: Actor, small_chunks: None
) -> None:
    furnish(web, ada)
    cascade.run(delete(acme, ada))
    progress = job.latest(acme.id)
    assert progress
    assert (progress.done, progress.total) == (13, 13)
