"""The demo: everything the log can tell, told once by the verbs themselves."""

from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import psycopg
import pytest
from flask import Flask
from psycopg.rows import namedtuple_row

from models import demo
from models.database import db
from models.jobs import job
from models.kinds import ports
from models.log.history import state_after
from models.people.user import authenticate
from models.system.charging import charge_round
from tests.conftest import PASSWORD, empty
from tests.support.history import Snapshot, differences, news, rows_of
from tests.support.servers import Servers

# Every action that the log can tell.
TOLD = {
    ("organisation", "create"),
    ("organisation", "update"),
    ("organisation", "delete"),
    ("project", "create"),
    ("project", "update"),
    ("project", "delete"),
    ("container", "create"),
    ("container", "update"),
    ("container", "terminate"),
    ("memcached", "create"),
    ("memcached", "update"),
    ("memcached", "terminate"),
    ("registry", "create"),
    ("registry", "update"),
    ("registry", "delete"),
    ("secret", "create"),
    ("secret", "update"),
    ("secret", "delete"),
    ("user", "create"),
    ("user", "update"),
    ("user", "delete"),
    ("invitation", "create"),
    ("invitation", "update"),
    ("invitation", "delete"),
    ("billing", "create"),
    ("billing", "update"),
    ("billing", "delete"),
}


class Filled(NamedTuple):
    """The log of a platform that the demo filled."""

    entries: list[Any]
    steps: list[str]
    began: datetime
    ended: datetime
    snapshots: list[Snapshot]


@pytest.fixture(scope="module")
def filled(application: Flask, servers: Servers) -> Iterator[Filled]:
    """Filled once for all tests of this module, which only look."""
    empty(servers.superuser_url)
    with application.app_context():
        assert demo.is_empty()
        began, steps, snapshots = datetime.now(UTC), [], []
        with psycopg.connect(servers.superuser_url, row_factory=namedtuple_row) as connection:
            for step in demo.fill(PASSWORD):
                steps.append(step)
                snapshots.append(rows_of(connection))
            ended = datetime.now(UTC)
            found = connection.execute("SELECT * FROM activity_entries ORDER BY organisation_id, number").fetchall()
        yield Filled(found, steps, began, ended, snapshots)


def test_everything_that_is_tracked_is_there(filled: Filled) -> None:
    assert {(each.resource_type, each.action) for each in filled.entries} == TOLD


def test_numbers_have_no_gaps(filled: Filled) -> None:
    numbers = defaultdict(list)
    for each in filled.entries:
        numbers[each.organisation_id].append(each.number)

    assert len(numbers) == 3
    assert all(found == list(range(1, len(found) + 1)) for found in numbers.values())


def test_times_are_those_of_the_making_and_in_order(filled: Filled) -> None:
    times: dict[int, list[datetime]] = defaultdict(list)
    for each in filled.entries:
        times[each.organisation_id].append(each.occurred_at)

    assert all(filled.began <= at <= filled.ended for found in times.values() for at in found)
    assert all(found == sorted(found) for found in times.values())


def test_the_log_alone_tells_what_every_resource_was_at_every_step(filled: Filled) -> None:
    assert len(filled.snapshots[-1].rows) > 50
    assert differences(news(filled.snapshots)) == []


def test_of_nothing_in_the_demo_the_log_leaves_a_value_out(filled: Filled) -> None:
    last = filled.snapshots[-1]
    for kind, row in last.rows:
        found = state_after(kind, row["organisation_id"], row["id"], last.heads[row["organisation_id"]])
        assert found
        assert set(found.values) == set(kind.fields()) - set(kind.sealed())


def test_what_is_left_to_run_comes_from_well_known_public_images(filled: Filled) -> None:
    living = db.session.execute(
        db.text("SELECT image, port, registry_handle FROM containers WHERE ended_at IS NULL")
    ).all()
    usual = {each.image: found.value if (found := ports.usual(each.image)) else None for each in living}

    assert len(living) == 3 * (len(demo.SERVICES) - 1)
    assert [each for each in living if each.port != usual[each.image] or each.registry_handle] == []


def test_a_cause_comes_before_its_effects(filled: Filled) -> None:
    caused = [each for each in filled.entries if each.cause_number is not None]

    assert caused
    assert all(each.cause_number < each.number for each in caused)


def test_the_system_has_acted_and_always_says_why(filled: Filled) -> None:
    by_system = [each for each in filled.entries if each.actor_person is None]

    assert by_system
    assert all(each.actor_id is None and each.cause_number for each in by_system)


def test_no_job_is_left(filled: Filled) -> None:
    assert job.unfinished() == []


def test_it_is_no_longer_empty_and_its_people_sign_in(filled: Filled) -> None:
    assert not demo.is_empty()
    assert all(authenticate(f"{who}@example.com", PASSWORD) for who in demo.PEOPLE)


def test_it_ends_with_the_sign_in(filled: Filled) -> None:
    assert filled.steps[-1] == f"ada@example.com  {PASSWORD}"


def test_it_takes_the_steps_it_announces(filled: Filled) -> None:
    assert len(filled.steps) == demo.STEPS


def test_no_organisation_runs_out_of_money_in_its_first_week(filled: Filled) -> None:
    for day in range(8):
        charge_round(timedelta(hours=72), now=filled.ended + timedelta(days=day))
    suspended = db.session.scalars(db.text("SELECT handle FROM organisations WHERE state = 'suspended'")).all()

    assert suspended == []
