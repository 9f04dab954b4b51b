"""Cascades whose workers are killed, frozen, or beside people who do the same."""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from typing import Any

import psycopg
import pytest
from flask import Flask
from sqlalchemy import text

from models.database import db
from models.errors import LeaseLost, StaleVersion
from models.jobs import job
from models.jobs.job import JobLease
from models.kinds.catalogue import KINDS
from models.kinds.container import Container
from models.kinds.resource import Resource
from models.log.actor import Actor
from models.log.record import ProjectName
from models.organisation import Organisation, by_handle
from models.project import Project
from models.system import cascade, sweep
from models.transaction import transaction
from tests.support.cascades import alive, claimed, delete, effects, expected_order, pass_time, state_of
from tests.support.kinds import furnish
from tests.support.log import entries, latest_entry, summaries
from tests.support.together import meanwhile

FIRST = KINDS[0]
Killed = KeyboardInterrupt


@pytest.fixture
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two rows a chunk, so that there are several."""
    monkeypatch.setattr(sweep, "CHUNK", 2)


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
