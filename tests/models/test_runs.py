"""Runs: entries that follow each other and have the same cause, written with them; what a feed folds and passes."""

from typing import Any

import psycopg
import pytest
from sqlalchemy import text

from models.database import db
from models.kinds.container import Container
from models.kinds.secret import Secret
from models.log import feed
from models.log.actor import SYSTEM, Actor
from models.log.feed import Fold, Row
from models.log.record import Action, Subject, record, record_each
from models.organisation import Organisation
from models.project import Project
from models.transaction import transaction
from tests.support.log import entries
from tests.support.proof import violations
from tests.support.work import job_of, run


def runs(acme: Organisation) -> list[tuple[Any, ...]]:
    """First, last, cause, tally of each."""
    found = db.session.execute(
        text("SELECT first_number, last_number, cause_number, tally FROM activity_runs ORDER BY first_number")
    ).all()
    db.session.rollback()
    return [tuple(each) for each in found]


def effects(acme: Organisation, count: int, cause: int, kind: str = "container") -> None:
    """So many entries by the system, because of an entry."""
    with transaction():
        scope = Subject(acme.id, kind, 0, "")
        record_each(SYSTEM, Action.TERMINATE, scope, [(number, f"x{number}") for number in range(count)], cause=cause)


def edit(acme: Organisation, ada: Actor) -> None:
    """An entry by a person, without a cause."""
    with transaction():
        record(ada, Action.UPDATE, acme.subject)


def test_entries_with_the_same_cause_are_one_run(acme: Organisation) -> None:
    for count in (3, 1, 5):
        effects(acme, count, cause=1)
    effects(acme, 2, cause=1, kind="memcached")

    assert runs(acme) == [(5, 15, 1, {"terminated container": 9, "terminated memcached": 2})]


def test_an_entry_in_between_or_another_cause_begins_a_new_one(acme: Organisation, ada: Actor) -> None:
    effects(acme, 2, cause=1)
    edit(acme, ada)
    effects(acme, 2, cause=1)
    effects(acme, 2, cause=2)

    assert [each[:3] for each in runs(acme)] == [(5, 6, 1), (8, 9, 1), (10, 11, 2)]


def test_a_person_s_entries_are_in_none(acme: Organisation, ada: Actor) -> None:
    edit(acme, ada)

    assert runs(acme) == []


@pytest.mark.parametrize("last", [32_005, 32_700, 2**31 - 500])
def test_numbers_grow_past_every_width(acme: Organisation, superuser: psycopg.Connection, last: int) -> None:
    superuser.execute("UPDATE activity_heads SET last_number = %s", (last,))
    effects(acme, 1000, cause=1)
    effects(acme, 1000, cause=1)

    assert [each[:2] for each in runs(acme)] == [(last + 1, last + 2000)]


def test_after_a_deletion_runs_are_what_their_entries_say(
    acme: Organisation, web: Project, ada: Actor, superuser: psycopg.Connection
) -> None:
    with transaction():
        other = acme.create_project(ada, name="Other", handle="other")
    with transaction():
        for project in (web, other):
            for number in range(4):
                project.create(ada, Container, name=f"c{number}", handle=f"c{number}", image="nginx:1.28")
                project.create(ada, Secret, handle=f"s{number}", value="v")
    with transaction() as hints:
        acme.delete(ada, "acme")
    run(job_of(hints))

    assert violations(superuser) == []
    [(_, _, _, tally)] = runs(acme)
    assert tally == {"terminated container": 8, "deleted secret": 8, "deleted project": 2}


# Folded in a feed


def page(acme: Organisation, before: int = feed.LATEST, size: int = 10) -> feed.Page:
    """A page of the organisation's feed."""
    return feed.page(feed.whole(acme.named), before, size)


def test_a_long_run_is_one_item_and_the_next_page_begins_below_it(acme: Organisation, ada: Actor) -> None:
    effects(acme, 3000, cause=4)
    edit(acme, ada)
    found = page(acme)

    assert [type(each) for each in found.rows] == [Row, Fold]
    fold = found.rows[1]
    assert isinstance(fold, Fold)
    assert (fold.first_number, fold.number, fold.size, fold.cause_number) == (5, 3004, 3000, 4)
    assert fold.tally == (("terminated container", 3000),)
    assert found.older == "5"
    assert [each.number for each in page(acme, int(found.older)).rows] == [4, 3, 2, 1]


def test_a_short_run_is_shown_as_it_is(acme: Organisation) -> None:
    effects(acme, feed.FOLDED_LEAST - 1, cause=4)

    assert all(isinstance(each, Row) for each in page(acme, size=50).rows)


def test_four_entries_are_a_run_that_is_folded(acme: Organisation) -> None:
    effects(acme, 4, cause=4)
    [fold, *others] = page(acme, size=50).rows

    assert isinstance(fold, Fold)
    assert fold.size == feed.FOLDED_LEAST == 4
    assert all(isinstance(each, Row) for each in others)


def test_a_fold_says_who_caused_it(acme: Organisation) -> None:
    effects(acme, 20, cause=1)
    [fold, *_] = page(acme).rows

    assert isinstance(fold, Fold)
    assert (fold.cause_actor, fold.cause_summary) == ("Ada Lovelace", "Organisation Acme created")


def test_the_cause_says_how_many_it_caused(acme: Organisation, ada: Actor) -> None:
    effects(acme, 20, cause=1)
    edit(acme, ada)
    effects(acme, 30, cause=1)
    rows = [each for each in page(acme, 5, size=50).rows if isinstance(each, Row)]

    assert {each.number: each.caused for each in rows} == {4: None, 3: None, 2: None, 1: 50}


def test_folds_lose_nothing(acme: Organisation, ada: Actor) -> None:
    for count in (15, 40, 3, 200):
        effects(acme, count, cause=2)
        edit(acme, ada)
    seen: list[int] = []
    before: int | None = feed.LATEST
    while before is not None:
        found = page(acme, before, size=7)
        for item in found.rows:
            seen += _unfolded(acme, item) if isinstance(item, Fold) else [item.number]
        before = int(found.older) if found.older else None

    assert seen == [each.number for each in reversed(entries(acme))]


def _unfolded(acme: Organisation, fold: Fold) -> list[int]:
    scope = feed.of_run(feed.whole(acme.named), fold.first_number)
    numbers: list[int] = []
    before: int | None = feed.LATEST
    while before is not None:
        found = feed.page(scope, before, 7)
        numbers += [each.number for each in found.rows]
        before = int(found.older) if found.older else None
    return numbers


def test_what_is_new_is_folded_too_and_counts_as_seen(acme: Organisation, ada: Actor) -> None:
    effects(acme, 1000, cause=4)
    [fold] = feed.newer(feed.whole(acme.named), after=4)

    assert isinstance(fold, Fold)
    assert fold.number == 1004
    assert feed.newer(feed.whole(acme.named), after=fold.number) == []


def test_a_project_s_feed_counts_only_what_is_its_own(acme: Organisation, web: Project, ada: Actor) -> None:
    with transaction():
        other = acme.create_project(ada, name="Other", handle="other")
    with transaction():
        for project in (web, other):
            for number in range(12):
                project.create(ada, Container, name=f"c{number}", handle=f"c{number}", image="nginx:1.28")
    with transaction() as hints:
        acme.delete(ada, "acme")
    run(job_of(hints))
    scope = feed.of_project(acme.named, other.id)
    [fold, *_] = feed.page(scope).rows

    assert isinstance(fold, Fold)
    assert fold.partly  # the run is of both projects
    unfolded = feed.page(feed.of_run(scope, fold.first_number)).rows
    assert {each.project_name for each in unfolded if isinstance(each, Row)} == {"Other"}
    assert len(unfolded) == 13
