"""A kind of job costs a declaration: here one that greets, over a table made up for it."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import ClassVar, NamedTuple

import psycopg
import pytest
from flask import Flask
from sqlalchemy import text

from models.database import db
from models.errors import LeaseLost
from models.jobs import lease, outbox
from models.jobs.lease import Lease
from models.jobs.queue import Queue
from models.log.actor import Actor
from models.log.record import Action, record
from models.organisation import Organisation
from models.project import Project
from models.system.attempt import attempt
from models.transaction import transaction
from tests.support.log import latest_entry
from tests.support.together import together

# The declaration, and all there is to it.


class GreetingKey(NamedTuple):
    """The primary key of a greeting."""

    organisation_id: int
    id: int


GREETINGS = Queue(
    table="greetings",
    key=GreetingKey._fields,
    rank=9,
    insert=text("""
        INSERT INTO greetings (organisation_id, words, cause_number)
        SELECT * FROM unnest(
            CAST(:organisation_id AS integer[]), CAST(:words AS text[]), CAST(:cause_number AS bigint[]))
     RETURNING organisation_id, id
    """),
    address=GreetingKey,
    lease_seconds=10,
    attempts_most=3,
    brings=("words", "cause_number"),
)


@dataclass(frozen=True)
class GreetingLease(Lease[GreetingKey]):
    """The right to greet."""

    queue: ClassVar[Queue] = GREETINGS

    words: str
    cause: int


# Its table, as a migration would make it.
TABLE = """
    CREATE TABLE greetings (
        organisation_id integer NOT NULL REFERENCES organisations,
        id              bigint GENERATED ALWAYS AS IDENTITY,
        words           text NOT NULL,
        cause_number    bigint NOT NULL,
        state           varchar(16) NOT NULL DEFAULT 'ready',
        token           integer NOT NULL DEFAULT 0,
        attempts        integer NOT NULL DEFAULT 0,
        lease_until     timestamptz,
        due_at          timestamptz NOT NULL DEFAULT clock_timestamp(),
        error           text,
        finished_at     timestamptz,
        PRIMARY KEY (organisation_id, id));
    CREATE INDEX greetings_ready ON greetings (due_at) WHERE state = 'ready';
    GRANT SELECT, INSERT, UPDATE ON greetings TO activity_log_app
"""


@pytest.fixture(autouse=True)
def table(app: Flask, superuser: psycopg.Connection) -> Iterator[None]:
    """There for one test."""
    superuser.execute(TABLE)
    yield
    db.session.rollback()
    superuser.execute("DROP TABLE greetings")


@pytest.fixture
def key(web: Project, ada: Actor) -> GreetingKey:
    """A greeting that follows from an update of the project."""
    with transaction() as hints:
        updated = record(ada, Action.UPDATE, web.subject)
        outbox.enqueue(GREETINGS, updated, words="hello")
    [only] = hints
    assert isinstance(only, GreetingKey)
    return only


def claim(key: GreetingKey) -> GreetingLease | None:
    """As a worker does."""
    with transaction():
        return GreetingLease.claim(key)


def claimed(key: GreetingKey) -> GreetingLease:
    """A claim that succeeds."""
    found = claim(key)
    assert found
    return found


def pass_time(superuser: psycopg.Connection, seconds: float) -> None:
    """Let leases run out and due times come."""
    gone = timedelta(seconds=seconds)
    superuser.execute("UPDATE greetings SET lease_until = lease_until - %s, due_at = due_at - %s", (gone, gone))


def state(superuser: psycopg.Connection) -> tuple[object, ...] | None:
    """State and error of the only greeting."""
    return superuser.execute("SELECT state, error FROM greetings").fetchone()


def test_a_job_names_the_entry_that_causes_it(acme: Organisation, key: GreetingKey) -> None:
    found = claimed(key)

    assert (found.words, found.cause, found.token) == ("hello", latest_entry(acme).number, 1)


def test_a_failed_transaction_leaves_nothing_to_the_next_one(
    web: Project, ada: Actor, superuser: psycopg.Connection
) -> None:
    with pytest.raises(InterruptedError), transaction():
        outbox.enqueue(GREETINGS, record(ada, Action.UPDATE, web.subject), words="hello")
        outbox.look_at(GreetingKey(1, 1))
        raise InterruptedError
    with transaction() as hints:
        record(ada, Action.UPDATE, web.subject)

    assert hints == []
    assert superuser.execute("SELECT count(*) FROM greetings").fetchone() == (0,)


def test_jobs_are_written_by_rank_and_each_names_its_own_entry(
    acme: Organisation, web: Project, ada: Actor, superuser: psycopg.Connection
) -> None:
    with transaction() as hints:
        outbox.look_at(GreetingKey(acme.id, 77))
        for words in ("one", "two"):
            outbox.enqueue(GREETINGS, record(ada, Action.UPDATE, web.subject), words=words)
        web.delete(ada, "web")
    last = latest_entry(acme).number

    assert [type(each).__name__ for each in hints] == ["JobKey", "GreetingKey", "GreetingKey", "GreetingKey"]
    assert list(hints[-1]) == [acme.id, 77]
    found = superuser.execute("SELECT words, cause_number FROM greetings ORDER BY id").fetchall()
    assert found == [("one", last - 2), ("two", last - 1)]


def test_one_of_many_claims_it(app: Flask, key: GreetingKey) -> None:
    outcomes = together(app, *[lambda: GreetingLease.claim(key)] * 4)

    assert sum(isinstance(each, GreetingLease) for each in outcomes) == 1


def test_a_renewed_lease_keeps_others_out_until_it_runs_out(key: GreetingKey, superuser: psycopg.Connection) -> None:
    first = claimed(key)
    pass_time(superuser, 8)
    with transaction():
        first.renew()
    pass_time(superuser, 8)
    assert claim(key) is None
    assert lease.overdue(GREETINGS) == []
    pass_time(superuser, 8)
    assert lease.overdue(GREETINGS) == [key]
    assert claimed(key).token == first.token + 1

    for late in (first.renew, first.finish):
        with pytest.raises(LeaseLost), transaction():
            late()


def test_a_failure_is_shown_and_tried_again_later_and_later_until_it_is_stuck(
    key: GreetingKey, superuser: psycopg.Connection
) -> None:
    waits = []
    for _ in range(3):
        held = claimed(key)
        with transaction():
            held.fail("nobody\0 listens")
        assert claim(key) is None
        [(wait,)] = superuser.execute("SELECT round(extract(epoch FROM due_at - now()))::int FROM greetings").fetchall()
        waits.append(wait)
        pass_time(superuser, wait + 1)

    assert waits == [2, 4, 8]
    assert state(superuser) == ("stuck", "nobody listens")
    assert claim(key) is None
    assert lease.overdue(GREETINGS) == []


def go_wrong(how: str) -> None:
    """As what a worker does may."""
    raise ZeroDivisionError(how)


def test_whatever_goes_wrong_in_an_attempt_is_written_to_the_row_and_passes_nothing_on(
    key: GreetingKey, superuser: psycopg.Connection
) -> None:
    with attempt(claimed(key)):
        go_wrong("by zero")
    assert state(superuser) == ("ready", "ZeroDivisionError: by zero")

    pass_time(superuser, 3)
    outdated = claimed(key)
    pass_time(superuser, 11)
    claimed(key)
    with attempt(outdated):
        go_wrong("much later")
    assert state(superuser) == ("ready", "ZeroDivisionError: by zero")


def test_who_never_comes_back_makes_it_stuck(key: GreetingKey, superuser: psycopg.Connection) -> None:
    for _ in range(3):
        claimed(key)
        pass_time(superuser, 11)

    assert claim(key) is None
    assert state(superuser) == ("stuck", lease.died(3))


def test_however_often_it_was_given_back_it_is_due_within_five_minutes(
    key: GreetingKey, superuser: psycopg.Connection
) -> None:
    held = claimed(key)
    superuser.execute("UPDATE greetings SET attempts = 5000")
    with transaction():
        held.release()
    [(wait,)] = superuser.execute("SELECT extract(epoch FROM due_at - clock_timestamp()) FROM greetings").fetchall()

    assert 290 < wait <= 300


def test_done_it_is_done_although_the_lease_has_run_out(key: GreetingKey, superuser: psycopg.Connection) -> None:
    held = claimed(key)
    pass_time(superuser, 60)
    with transaction():
        held.finish()

    assert state(superuser) == ("finished", None)
    assert claim(key) is None
