"""What PostgreSQL does for a page of a feed: walks an index to the rows it needs and reads no other."""

import re
from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from psycopg import sql
from sqlalchemy import TextClause, text

from models.database import READING, db, read, stop_reading
from models.log import boundary, feed, history, personal
from models.log.actor import SYSTEM, Actor, Door
from models.log.record import Action, ProjectName, Subject, record_each
from models.organisation import Organisation, create_organisation
from models.people.user import User
from models.transaction import transaction

BLOCKS = 40
IN_A_BLOCK = 500
PROJECTS = 8
QUIET = 9
"""A project with the first block and nothing after: a feed that filters would read everything to find it."""
LIMIT = feed.SIZE + 1
PAGES = 40
# Of the connection that pages are read with.
KEPT_PLANS = text("SELECT CAST(COALESCE(sum(generic_plans), 0) AS bigint) FROM pg_prepared_statements")
SCANS = {"Index Scan", "Index Only Scan"}
MIDDLE = BLOCKS * IN_A_BLOCK // 2


@pytest.fixture
def log(acme: Organisation, ada: Actor, people: dict[str, User], superuser: psycopg.Connection) -> Organisation:
    """Twenty thousand entries of acme and as many of globex, by people and by the system, in nine projects."""
    with transaction():
        globex = create_organisation(people["ada"], ada, name="Globex", handle="globex", email="it@globex.example.com")
    for organisation in (acme, globex):
        for block in range(BLOCKS):
            with transaction():
                _fill(organisation, block, ada)
    superuser.execute("ANALYZE")
    return acme


def _fill(organisation: Organisation, block: int, ada: Actor) -> None:
    project = QUIET if block == 0 else 1 + block % PROJECTS
    others = Actor(1000 + block % 7, "Someone", "member", Door.WEB)
    actor = {0: SYSTEM, 1: ada}.get(block % 5, others)
    scope = Subject(organisation.id, "container", 0, "", ProjectName(project, f"Project {project}"))
    named = [(each % 250, f"service-{each % 250}") for each in range(IN_A_BLOCK)]
    record_each(actor, Action.UPDATE, scope, named, cause=1 + block if actor is SYSTEM else None)


OF_77: dict[str, Any] = {"noun": "container", "resource": 77, "most": 20}


CONDITIONS: dict[str, tuple[dict[str, Any], str]] = {
    "": ({}, "activity_entries_pkey"),
    "project": ({"project": QUIET}, "activity_of_project"),
    "resource": ({"noun": "container", "resource": 77}, "activity_of_resource"),
    "cause": ({"cause": 1}, "activity_of_cause"),
}


@pytest.mark.parametrize("condition", CONDITIONS)
@pytest.mark.parametrize("edge", [feed.LATEST, MIDDLE, feed.SIZE])
def test_an_older_page_reads_its_rows_and_no_other(log: Organisation, condition: str, edge: int) -> None:
    values, index = CONDITIONS[condition]
    asked = {"organisation": log.id, "edge": edge, **values}
    plan = _plan(feed.older_query(condition, LIMIT, money=False), asked)
    _assert_walks(plan, index)


@pytest.mark.parametrize("condition", CONDITIONS)
@pytest.mark.parametrize("edge", [0, MIDDLE])
def test_newer_entries_are_read_without_the_older_ones(log: Organisation, condition: str, edge: int) -> None:
    values, index = CONDITIONS[condition]
    asked = {"organisation": log.id, "edge": edge, **values}
    plan = _plan(feed.newer_query(condition, LIMIT, money=False), asked)
    _assert_walks(plan, index)


@pytest.mark.parametrize("condition", CONDITIONS)
@pytest.mark.parametrize("money", [True, False])
def test_a_page_is_planned_once_for_whatever_is_asked_for_later(log: Organisation, condition: str, money: bool) -> None:
    """PostgreSQL keeps a plan for any values once it has seen that plans for certain ones are no better."""
    values, index = CONDITIONS[condition]
    # Of a statement that was prepared for the smaller log of another test, it would remember what plans cost then.
    stop_reading()
    db.engines[READING].dispose()
    for edge in range(PAGES):
        feed.page(feed.Scope(log.named, condition, values, money), feed.LATEST - edge)

    assert read(KEPT_PLANS, {})[0][0] > PAGES / 2
    asked = {"organisation": log.id, "edge": MIDDLE, **values}
    kept = _kept_plan(feed.older_query(condition, LIMIT, money), asked)
    _assert_walks(kept, index)


@pytest.mark.parametrize("query", [personal.OLDER, personal.NEWER], ids=["older", "newer"])
def test_a_persons_page_reads_a_page_an_organisation(
    log: Organisation, people: dict[str, User], query: TextClause
) -> None:
    edge = personal.NEWEST if query is personal.OLDER else personal.BEGINNING
    mine = list(db.session.execute(text("SELECT id FROM organisations ORDER BY id")).scalars())
    values = {"user": people["ada"].id, "organisations": mine, "moneyless": mine, "limit": LIMIT, **edge._asdict()}
    assert len(mine) == 2
    _assert_walks(_plan(query, values), "activity_of_actor")


@pytest.mark.parametrize("guess", [None, 1, MIDDLE, 10**9])
def test_a_boundary_is_found_by_halving_and_reads_an_entry_each_time(log: Organisation, guess: int | None) -> None:
    moments = [log.created_at + timedelta(milliseconds=each) for each in range(0, 6000, 100)]
    values = {"organisation": log.id, "moments": moments, "guesses": [guess] * len(moments)}
    scans = [
        node
        for node in _nodes(_plan(boundary.SEARCH, values))
        if node.get("Relation Name") == "activity_entries" and node["Actual Loops"]
    ]

    assert {scan["Index Name"] for scan in scans} == {"activity_entries_pkey"}
    assert all(scan["Actual Rows"] <= 1 for scan in scans)
    # Two looks at the guess, and then as many as it takes to halve the log down to one.
    halvings = (BLOCKS * IN_A_BLOCK).bit_length() + 1
    assert sum(scan["Actual Loops"] for scan in scans) <= len(moments) * (halvings + 2)


def test_the_causes_of_newer_entries_are_looked_up_by_their_numbers(log: Organisation) -> None:
    _assert_walks(
        _plan(feed.THOSE, {"organisation": log.id, "numbers": [1, MIDDLE], "money": False}), "activity_entries_pkey"
    )


def test_the_way_back_through_a_history_reads_no_more_of_it_than_asked_for(log: Organisation) -> None:
    of_one = {"organisation": log.id, "noun": "container", "resource": 77, "number": MIDDLE, "most": 20}
    back, on = _plan(history.BACK, of_one), _plan(history.ON, {**of_one, "names": ["image"]})

    for plan, looked in ((back, [1, 1, 20]), (on, [20])):
        scans = [node for node in _nodes(plan) if node.get("Relation Name") == "activity_entries"]
        assert {scan["Index Name"] for scan in scans if scan["Alias"] == "entry"} == {"activity_entries_pkey"}
        history_of_one = [scan for scan in scans if scan["Alias"] != "entry"]
        assert {scan["Index Name"] for scan in history_of_one} == {"activity_of_resource"}
        assert sorted(scan["Actual Rows"] for scan in history_of_one) == looked
        assert all(scan["Node Type"] in SCANS and not scan.get("Rows Removed by Filter") for scan in scans)


def test_entries_among_some_things_are_walked_down_for_each(log: Organisation) -> None:
    span = {"organisation": log.id, "after": 0, "until": MIDDLE, "limit": 20, "money": True}
    among = {**span, "nouns": ["container"] * 2, "ids": [77, 78]}
    plans = (_plan(history.AMONG, among), _plan(history.LATEST_CAUSED, {**OF_77, "organisation": log.id, "cause": 1}))

    for plan in plans:
        scans = [node for node in _nodes(plan) if node.get("Relation Name") == "activity_entries"]
        assert {scan["Index Name"] for scan in scans} == {"activity_of_resource"}
        assert all(scan["Actual Rows"] <= 20 and not scan.get("Rows Removed by Filter") for scan in scans)


def test_the_head_is_one_row(log: Organisation) -> None:
    scans = [node for node in _nodes(_plan(feed.HEAD, {"organisation": log.id})) if "Relation Name" in node]
    assert [node["Actual Rows"] for node in scans] == [1]


def _assert_walks(plan: dict[str, Any], index: str) -> None:
    """Each scan of the log walks `index`, returns at most a page each time, and throws (almost) nothing away.

    A sort may only put equal times in order or merge pages: it never sees more than what the scans returned.
    """
    scans = [node for node in _nodes(plan) if node.get("Relation Name") == "activity_entries"]
    assert scans
    for scan in scans:
        if scan["Alias"] == "cause":
            assert scan["Index Name"] == "activity_entries_pkey"
            assert scan["Actual Rows"] <= 1
            continue
        assert scan["Node Type"] in SCANS
        assert scan["Index Name"] == index
        # A sort by time looks one row ahead to see where equal times end.
        assert scan["Actual Rows"] <= LIMIT + 1
        assert scan.get("Rows Removed by Filter", 0) <= 1


def _plan(query: TextClause, values: Mapping[str, Any]) -> dict[str, Any]:
    explained = text(f"EXPLAIN (ANALYZE, FORMAT JSON) {query.text}")
    plan: dict[str, Any] = db.session.execute(explained, values).scalar_one()[0]["Plan"]
    db.session.rollback()
    return plan


def _kept_plan(query: TextClause, values: Mapping[str, Any]) -> dict[str, Any]:
    """The plan that PostgreSQL keeps for any values, as it is carried out for these."""
    numbered = query.text
    for place, name in enumerate(values, 1):
        numbered = re.sub(rf"(?<!:):{name}\b", f"${place}", numbered)
    cursor = db.session.connection().connection.cursor()
    cursor.execute("SET LOCAL plan_cache_mode = force_generic_plan")
    cursor.execute(f"PREPARE asked AS {numbered}")
    given = sql.SQL(", ").join(map(sql.Literal, values.values()))
    cursor.execute(sql.SQL("EXPLAIN (ANALYZE, FORMAT JSON) EXECUTE asked ({})").format(given))
    [[[explained]]] = cursor.fetchall()
    plan: dict[str, Any] = explained["Plan"]
    cursor.execute("DEALLOCATE asked")
    db.session.rollback()
    return plan


def _nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for below in plan.get("Plans", []):
        yield from _nodes(below)
