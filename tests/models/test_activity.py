"""The door in: numbering, completeness, permanence."""

import threading
from random import Random

import psycopg
import pytest
from flask import Flask
from sqlalchemy import text

from models.database import db
from models.errors import NoHead, UnrecordedCommit
from models.kinds.container import Container
from models.log.actor import SYSTEM, Actor
from models.log.record import Action, Subject, record, record_each
from models.organisation import Organisation
from models.project import Project
from models.settings import Settings
from models.transaction import transaction
from tests.support.log import entries, latest_entry


def test_entries_of_one_transaction_follow_each_other_and_a_cause_comes_before_its_effects(
    acme: Organisation, ada: Actor
) -> None:
    subject = acme.subject
    with transaction():
        cause = record(ada, Action.UPDATE, subject)
        record_each(SYSTEM, Action.TERMINATE, Subject(acme.id, "container", 0, ""), [(7, "a"), (8, "b")], cause=cause)

    first, second, third = entries(acme)[-3:]
    assert [first.number, second.number, third.number] == [5, 6, 7]
    assert [second.resource_name, third.resource_name] == ["a", "b"]
    assert second.cause_number == third.cause_number == cause.number == 5


def test_a_rolled_back_change_leaves_neither_an_entry_nor_a_gap(acme: Organisation, ada: Actor) -> None:
    with pytest.raises(ZeroDivisionError), transaction():
        acme.create_project(ada, name="Lost", handle="lost")
        1 / 0  # noqa: B018
    with transaction():
        acme.create_project(ada, name="Kept", handle="kept")

    assert [each.number for each in entries(acme)] == [1, 2, 3, 4, 5]
    assert latest_entry(acme).resource_name == "Kept"


def test_what_a_failed_transaction_recorded_does_not_ride_on_the_next_one(acme: Organisation, ada: Actor) -> None:
    before = len(entries(acme))
    with pytest.raises(ZeroDivisionError), transaction():
        record(ada, Action.UPDATE, acme.subject)
        1 / 0  # noqa: B018
    with transaction():
        pass

    assert len(entries(acme)) == before


def test_without_a_head_row_the_change_does_not_happen(
    acme: Organisation, ada: Actor, superuser: psycopg.Connection
) -> None:
    superuser.execute("ALTER TABLE activity_heads DISABLE TRIGGER ALL")
    superuser.execute("DELETE FROM activity_heads")
    superuser.execute("ALTER TABLE activity_heads ENABLE ALWAYS TRIGGER activity_heads_are_permanent")

    with pytest.raises(NoHead), transaction():
        acme.create_project(ada, name="Web", handle="web")

    assert db.session.execute(text("SELECT count(*) FROM projects")).scalar_one() == 0


def test_a_commit_past_the_log_is_refused(acme: Organisation) -> None:
    acme.name = "Changed in silence"
    with pytest.raises(UnrecordedCommit):
        db.session.commit()
    db.session.rollback()

    assert db.session.execute(text("SELECT name FROM organisations")).scalar_one() == "Acme"


def test_transactions_do_not_nest(app: Flask) -> None:
    with pytest.raises(UnrecordedCommit), transaction(), transaction():
        pass


@pytest.mark.parametrize("role", ["database_url", "database_owner_url", "superuser_url"])
@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE activity_entries SET summary = 'x'",
        "UPDATE activity_entries SET summary = 'x' WHERE false",
        "DELETE FROM activity_entries",
        "TRUNCATE activity_entries",
        "DELETE FROM activity_heads",
        "UPDATE activity_heads SET last_number = 0",
    ],
)
def test_nobody_changes_the_log(
    acme: Organisation, settings: Settings, servers: object, role: str, statement: str
) -> None:
    url = getattr(settings, role, None) or getattr(servers, role)
    with psycopg.connect(url) as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
        connection.execute(statement)

    assert len(entries(acme)) == 4


def test_pretending_to_be_a_replica_does_not_open_the_log(acme: Organisation, superuser: psycopg.Connection) -> None:
    superuser.execute("SET session_replication_role = replica")
    with pytest.raises(psycopg.errors.InsufficientPrivilege, match="permanent"):
        superuser.execute("DELETE FROM activity_entries")


def test_an_entry_says_the_name_that_was_true_then(
    acme: Organisation, web: Project, api: Container, ada: Actor
) -> None:
    with transaction():
        web.update(ada, web.version, name="Renamed")

    created = next(each for each in entries(acme) if each.resource_type == "container")
    assert created.project_name == "Web"
    assert latest_entry(acme).changes == {"name": ["Web", "Renamed"]}


WRITERS = 8
ROUNDS = 25


def test_eight_writers_some_rolling_back_leave_numbers_without_gap_and_times_in_order(
    app: Flask, acme: Organisation, web: Project, ada: Actor
) -> None:
    written: list[int] = []

    def write(seed: int) -> None:
        random = Random(seed)
        with app.app_context():
            for turn in range(ROUNDS):
                try:
                    with transaction():
                        project = acme.find_project("web")
                        name = f"c-{seed}-{turn}"
                        project.create(ada, Container, name=name, handle=name, image="nginx:1.28")
                        if random.random() < 0.3:
                            raise InterruptedError
                    written.append(seed)
                except InterruptedError:
                    pass

    threads = [threading.Thread(target=write, args=(seed,)) for seed in range(WRITERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    found = entries(acme)
    assert 0 < len(written) < WRITERS * ROUNDS
    assert [each.number for each in found] == list(range(1, len(found) + 1))
    assert len(found) == 5 + len(written)
    times = [each.occurred_at for each in found]
    assert times == sorted(times)
