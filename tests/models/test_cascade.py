"""Cascades: everything in it ended once, by the system, because of the entry that deleted it."""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from typing import Any

import psycopg
import pytest
from flask import Flask
from sqlalchemy import Row, text

from models.database import db
from models.errors import LeaseLost, StaleVersion
from models.jobs import job
from models.jobs.job import JobKey, JobLease
from models.kinds.catalogue import KINDS
from models.kinds.container import Container
from models.kinds.resource import Resource
from models.log.actor import Actor
from models.log.record import PAST, ProjectName
from models.organisation import Organisation, by_handle
from models.project import Project
from models.system import cascade, sweep
from models.transaction import transaction
from tests.support.kinds import furnish
from tests.support.log import entries, latest_entry, summaries
from tests.support.together import meanwhile
from tests.support.work import job_of

ORDER = [*(kind.noun for kind in KINDS), "project"]
FIRST = KINDS[0]
Killed = KeyboardInterrupt


def delete(thing: Project | Organisation, actor: Actor) -> JobKey:
    """As a person does; no worker has looked at the job yet."""
    with transaction() as hints:
        thing.delete(actor, thing.handle)
    return job_of(hints)


def claimed(key: JobKey) -> JobLease:
    """As a worker does."""
    with transaction():
        lease = job.claim(key)
    assert lease
    return lease


def effects(organisation: Organisation, cause: int) -> list[Row[Any]]:
    """The entries that an entry set off."""
    return [each for each in entries(organisation) if each.cause_number == cause]


def alive(superuser: psycopg.Connection) -> int:
    """How many resources live anywhere."""
    return sum(
        superuser.execute(f"SELECT count(*) FROM {kind.plural} WHERE ended_at IS NULL".encode()).fetchall()[0][0]
        for kind in KINDS
    )


def state_of(superuser: psycopg.Connection, table: str) -> list[tuple[str]]:
    """The states of all projects or organisations."""
    return superuser.execute(f"SELECT state FROM {table} ORDER BY id".encode()).fetchall()


def pass_time(superuser: psycopg.Connection) -> None:
    """Let leases run out."""
    superuser.execute(
        "UPDATE jobs SET lease_until = lease_until - interval '1 hour', due_at = due_at - interval '1 hour'"
    )


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


def expected_order(count: int) -> list[str]:
    """Types of the entries of one project: children before parents."""
    return [kind for kind in ORDER for _ in range(1 if kind == "project" else count)]


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


# Killed, frozen, beside others


def stopped_after(lease: JobLease, chunks: int) -> None:
    """A worker that is killed between two chunks."""
    working: Iterator[int] = cascade.steps(lease)
    for _ in range(chunks):
        if next(working, None) is None:
            return


@pytest.mark.parametrize("chunks", range(9))
@pytest.mark.parametrize("thing", ["project", "organisation"])
def test_killed_between_two_chunks_it_goes_on_where_it_was(
    acme: Organisation,
    web: Project,
    ada: Actor,
    superuser: psycopg.Connection,
    small_chunks: None,
    thing: str,
    chunks: int,
) -> None:
    furnish(web, ada)
    key = delete(web if thing == "project" else acme, ada)
    cause = latest_entry(acme).number
    stopped_after(claimed(key), chunks)
    pass_time(superuser)
    cascade.run(key)

    assert alive(superuser) == 0
    assert [each.resource_type for each in effects(acme, cause)] == expected_order(3)[
        : None if thing == "organisation" else -1
    ]
    assert job.unfinished() == []
    assert [each.number for each in entries(acme)] == list(range(1, len(entries(acme)) + 1))


@pytest.mark.parametrize("place", ["models.system.sweep.record_each", "models.system.cascade.record"])
def test_killed_inside_a_chunk_nothing_of_it_is_kept(
    acme: Organisation,
    web: Project,
    ada: Actor,
    superuser: psycopg.Connection,
    monkeypatch: pytest.MonkeyPatch,
    place: str,
) -> None:
    furnish(web, ada)
    key = delete(acme, ada)
    cause = latest_entry(acme).number
    with monkeypatch.context() as patch:
        patch.setattr(place, raising(Killed, on_call=1))
        with pytest.raises(Killed):
            cascade.run(key)
    pass_time(superuser)
    cascade.run(key)

    assert [each.resource_type for each in effects(acme, cause)] == expected_order(3)
    assert state_of(superuser, "organisations") == [("deleted",)]


def raising(error: type[BaseException], on_call: int) -> Callable[..., Any]:
    """Something that breaks."""
    calls = iter(range(1, 1000))

    def broken(*_: Any, **__: Any) -> Any:
        if next(calls) >= on_call:
            raise error

    return broken


def test_an_error_is_kept_on_the_job_which_is_tried_again(
    acme: Organisation, web: Project, ada: Actor, superuser: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    furnish(web, ada)
    key = delete(web, ada)
    with monkeypatch.context() as patch:
        patch.setattr(sweep, "record_each", raising(ZeroDivisionError, on_call=1))
        assert cascade.run(key)
    assert [each.error for each in job.unfinished()] == ["ZeroDivisionError: "]
    assert alive(superuser) == 3 * len(KINDS)

    assert not cascade.run(key)
    pass_time(superuser)
    assert cascade.run(key)
    assert alive(superuser) == 0


def test_a_frozen_worker_that_was_taken_over_writes_nothing_more(
    acme: Organisation, web: Project, ada: Actor, superuser: psycopg.Connection, small_chunks: None
) -> None:
    furnish(web, ada)
    key = delete(web, ada)
    frozen = cascade.steps(claimed(key))
    next(frozen)
    pass_time(superuser)
    second = cascade.steps(claimed(key))
    next(second)
    with pytest.raises(LeaseLost):
        next(frozen)
    for _ in second:
        pass

    assert Counter(each.resource_type for each in entries(acme) if each.actor_name == "system") == Counter(
        {kind.noun: 3 for kind in KINDS}
    )


def test_a_person_who_terminates_first_is_waited_for(
    app: Flask, acme: Organisation, web: Project, ada: Actor, superuser: psycopg.Connection
) -> None:
    furnish(web, ada, count=2)
    key = delete(web, ada)
    with transaction():
        web.find(FIRST, f"{FIRST.noun}-1").end(ada)
        db.session.flush()
        working = meanwhile(app, superuser, lambda: cascade.run(key), within=nullcontext)
    assert working.outcome is True

    ended = [(each.resource_name, each.actor_name) for each in entries(acme) if each.resource_type == FIRST.noun][2:]
    assert ended == [(f"{FIRST.noun}-1", "Ada Lovelace"), (f"{FIRST.noun}-0", "system")]


def test_a_person_who_terminates_second_is_told_and_leaves_no_entry(
    app: Flask, acme: Organisation, web: Project, ada: Actor, superuser: psycopg.Connection
) -> None:
    furnish(web, ada, count=1)
    lease = claimed(delete(web, ada))
    project = ProjectName(web.id, "Web")

    def terminate() -> None:
        organisation = by_handle("acme")
        assert organisation
        organisation.find_project("web").find(FIRST, f"{FIRST.noun}-0").end(ada)

    with transaction():  # holds the worker between changing the rows and renewing its lease
        db.session.execute(text("SELECT 1 FROM jobs FOR UPDATE"))
        working = meanwhile(
            app, superuser, lambda: sweep.sweep_chunk(cascade.ENDING, FIRST, project, lease), within=nullcontext
        )
        second = meanwhile(app, superuser, terminate, waiting=2)

    assert working.outcome.done == 1
    assert isinstance(second.outcome, StaleVersion)
    assert latest_entry(acme).actor_name == "system"


def test_nothing_is_left_that_was_created_just_before(
    app: Flask, acme: Organisation, web: Project, ada: Actor, superuser: psycopg.Connection
) -> None:
    with transaction():
        web.create(ada, Container, name="late", handle="late", image="nginx:1.28")
        deletion = meanwhile(app, superuser, delete_acme(ada))
    assert deletion.outcome is None
    [key] = job.overdue()
    cascade.run(key)

    assert alive(superuser) == 0
    assert summaries(acme)[5:] == [
        "Container late created",
        "Organisation Acme deleted",
        "Container late terminated",
        "Project Web deleted",
    ]


def delete_acme(actor: Actor) -> Callable[[], None]:
    """As another session does."""

    def deed() -> None:
        organisation = by_handle("acme")
        assert organisation
        organisation.delete(actor, "acme")

    return deed


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.noun)
def test_a_chunk_takes_no_more_than_its_size(
    acme: Organisation, web: Project, ada: Actor, small_chunks: None, kind: type[Resource]
) -> None:
    furnish(web, ada)
    lease = claimed(delete(web, ada))
    project = ProjectName(web.id, "Web")

    ending = cascade.SWEEPS[lease.work]
    assert [sweep.sweep_chunk(ending, kind, project, lease).done for _ in range(3)] == [2, 1, 0]
