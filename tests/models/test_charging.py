"""Charging: every full minute of what is alive is paid once, whoever charges, however late, however often."""

from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from models.billing import provider, usage
from models.billing.account import account_of
from models.billing.ledger import lines, movements
from models.billing.provider import Collection
from models.billing.usage import MICROCENTS, MINUTE, PRICES, Usage, full_minute
from models.database import db
from models.kinds.container import Container
from models.kinds.memcached import Memcached
from models.log.actor import Actor
from models.organisation import Organisation, create_organisation
from models.people.user import User
from models.project import Project
from models.system import charging
from models.transaction import transaction
from tests.support.deployments import deployed
from tests.support.log import entries
from tests.support.money import GRACE, add_card, pay
from tests.support.together import together

START = datetime(2030, 1, 1, tzinfo=UTC)


def begin(superuser: psycopg.Connection, at: datetime = START) -> None:
    """Nothing was used before."""
    superuser.execute("DELETE FROM usage_changes")
    superuser.execute("UPDATE billing_accounts SET charged_until = %s, booked_until = %s", (at, at))


def changed(superuser: psycopg.Connection, at: datetime, by: Usage, organisation: int = 1) -> None:
    """Something began or ended at that time."""
    superuser.execute(
        """INSERT INTO usage_changes (organisation_id, at, cpu_millicores, memory_mib, cache_mib)
           VALUES (%s, %s, %s, %s, %s)""",
        (organisation, at, *by),
    )


def charge(acme: Organisation, until: datetime) -> None:
    """As the scheduler, once."""
    with transaction():
        usage.charge(acme.id, until)


def paid(acme: Organisation) -> int:
    """Everything charged so far, in millionths of a cent, whether it made a cent already or not."""
    db.session.rollback()
    account = account_of(acme.id)
    db.session.refresh(account)
    booked = -sum(each.amount_cents for each in movements(acme.id, size=10_000) if each.kind == "charge")
    return booked * MICROCENTS + account.owed_microcents


# What is in use: tests/models/test_observed_usage.py says more of it


def test_what_runs_is_what_is_in_use(acme: Organisation, web: Project, ada: Actor) -> None:
    with transaction():
        api = web.create(ada, Container, name="a", handle="a", image="nginx:1", cpu_millicores=500, memory_mib=128)
        cache = web.create(ada, Memcached, name="c", handle="c", memory_mib=256, nodes=3)
    deployed(api.key, 1)
    deployed(cache.key, 1)
    assert usage.in_use(acme.id) == Usage(500, 128, 768)

    with transaction():
        api.end(ada)
    assert usage.in_use(acme.id) == Usage(0, 0, 768)


# Exactly once


def test_an_hour_without_a_scheduler_is_charged_once(acme: Organisation, superuser: psycopg.Connection) -> None:
    begin(superuser)
    changed(superuser, START, Usage(cpu_millicores=1000))
    for _ in range(3):
        charge(acme, START + 60 * MINUTE)

    assert paid(acme) == 60 * 1000 * PRICES.cpu_millicores
    [row] = movements(acme.id)
    assert (row.kind, row.amount_cents, row.charged_from, row.charged_until) == (
        "charge",
        -3,
        START,
        START + 60 * MINUTE,
    )


def test_of_several_schedulers_at_once_one_charges(
    app: Flask, acme: Organisation, superuser: psycopg.Connection
) -> None:
    begin(superuser)
    changed(superuser, START, Usage(cpu_millicores=64_000))
    outcomes = together(app, *[lambda: usage.charge(acme.id, START + 10 * MINUTE)] * 5)

    assert outcomes == [None] * 5
    assert len(movements(acme.id)) == 1
    assert paid(acme) == 10 * 64_000 * PRICES.cpu_millicores


def test_what_lived_between_two_minutes_costs_nothing(acme: Organisation, superuser: psycopg.Connection) -> None:
    begin(superuser)
    changed(superuser, START + timedelta(seconds=10), Usage(memory_mib=1024))
    changed(superuser, START + timedelta(seconds=50), Usage(memory_mib=-1024))
    charge(acme, START + 5 * MINUTE)

    assert paid(acme) == 0


moments = st.integers(0, 3600)  # seconds after START
amounts = st.builds(Usage, st.integers(0, 5000), st.integers(0, 5000), st.integers(0, 5000))
histories = st.lists(
    st.one_of(
        st.tuples(st.just("lives"), moments, st.integers(0, 3600), amounts),
        st.tuples(st.just("charge"), moments, st.just(0), st.just(Usage())),
    ),
    max_size=25,
)


@given(histories)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_every_active_minute_is_charged_exactly_once(
    acme: Organisation, superuser: psycopg.Connection, history: list[tuple[str, int, int, Usage]]
) -> None:
    """Charges come late, twice and from clocks that jump back; what begins and ends does so in between."""
    superuser.execute("DELETE FROM ledger")
    superuser.execute(
        "UPDATE billing_accounts SET owed_microcents = 0, cpu_millicores = 0, memory_mib = 0, cache_mib = 0"
    )
    begin(superuser)
    lives = [(at, at + long, what) for kind, at, long, what in history if kind == "lives"]
    for at, end, what in lives:
        changed(superuser, START + timedelta(seconds=at), what)
        changed(superuser, START + timedelta(seconds=end), Usage().minus(what))
    ends = [at for kind, at, *_ in history if kind == "charge"]
    for at in [*ends, 7200, 1800]:
        charge(acme, START + timedelta(seconds=at - at % 60))

    expected = sum(
        what.microcents_a_minute for minute in range(0, 7200, 60) for at, end, what in lives if at <= minute < end
    )
    assert paid(acme) == expected
    [(left,)] = superuser.execute(
        "SELECT count(*) FROM usage_changes WHERE taken_at IS NULL AND at < %s", (START + 7200 * MINUTE / 60,)
    )
    assert left == 0


def test_a_change_that_commits_late_counts_from_the_next_charge_on(
    acme: Organisation, superuser: psycopg.Connection
) -> None:
    begin(superuser)
    charge(acme, START + 10 * MINUTE)
    changed(superuser, START + 5 * MINUTE, Usage(cpu_millicores=100))
    charge(acme, START + 20 * MINUTE)

    assert paid(acme) == 10 * 100 * PRICES.cpu_millicores


def test_a_full_minute_is_its_own(acme: Organisation) -> None:
    assert full_minute(START) == START
    assert full_minute(START + timedelta(microseconds=1)) == START + MINUTE


# What follows


def test_a_charge_is_a_movement_and_no_entry(
    acme: Organisation, api: Container, ada: Actor, superuser: psycopg.Connection
) -> None:
    pay(acme, ada, 5000, add_card(acme, ada))
    begin(superuser)
    changed(superuser, START, Usage(cpu_millicores=64_000))
    before = len(entries(acme))
    charging.charge_round(GRACE, now=START + 10 * MINUTE)

    assert len(entries(acme)) == before
    assert account_of(acme.id).balance_cents == 5000 - 32


def test_the_balance_is_the_sum_of_its_movements(acme: Organisation, ada: Actor, superuser: psycopg.Connection) -> None:
    pay(acme, ada, 5000, add_card(acme, ada))
    begin(superuser)
    changed(superuser, START, Usage(cpu_millicores=64_000, cache_mib=333))
    for minutes in (1, 2, 7, 30):
        charging.charge_round(GRACE, now=START + minutes * MINUTE)

    db.session.rollback()
    rows = movements(acme.id)
    assert account_of(acme.id).balance_cents == sum(each.amount_cents for each in rows)
    assert rows[0].balance_after_cents == account_of(acme.id).balance_cents


class CutOffFrom:
    """A processor that does not answer for one organisation."""

    def __init__(self, organisation_id: int) -> None:
        self.organisation_id = organisation_id

    def collect(self, asked: Collection) -> None:
        """Takes the money of all others."""
        if asked.organisation_id == self.organisation_id:
            raise ConnectionError("cut off")


def test_one_organisation_s_trouble_is_not_another_s(
    acme: Organisation,
    people: dict[str, User],
    ada: Actor,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    with transaction():
        globex = create_organisation(people["ada"], ada, name="Globex", handle="globex", email="it@globex.example.com")
    for organisation in (acme, globex):
        add_card(organisation, ada)
        with transaction():
            account_of(organisation.id).set_auto_top_up(ada, True, 1000, 5000)
    monkeypatch.setattr(provider, "PROVIDER", CutOffFrom(acme.id))
    charging.charge_round(GRACE)

    assert [account_of(each.id).balance_cents for each in (acme, globex)] == [0, 5000]
    assert f"charging {acme.id} failed" in caplog.text


def test_the_charges_of_an_hour_are_one_line_and_top_ups_stand_alone(
    acme: Organisation, ada: Actor, superuser: psycopg.Connection
) -> None:
    begin(superuser)
    changed(superuser, START, Usage(cpu_millicores=64_000))
    for minute in range(1, 121):
        charge(acme, START + minute * MINUTE)
        if minute == 30:
            pay(acme, ada, 5000, add_card(acme, ada))
    found, older = lines(acme.id)

    assert [(each.kind, each.charged_from, each.charged_until) for each in found] == [
        ("charge", START + 60 * MINUTE, START + 120 * MINUTE),
        ("charge", START + 30 * MINUTE, START + 60 * MINUTE),
        ("top_up", None, None),
        ("charge", START, START + 30 * MINUTE),
    ]
    assert older is None
    assert sum(each.amount_cents for each in found) == account_of(acme.id).balance_cents
