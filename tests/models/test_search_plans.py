"""What PostgreSQL does for a search: along an index from the edge on, or past so many entries and no more."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest
from sqlalchemy import TextClause, text

from models.database import read
from models.log import feed
from models.log.actor import SYSTEM, Actor, Door
from models.log.personal import BEGINNING, NEWEST
from models.log.personal_search import PersonalSearch
from models.log.query import parse
from models.log.record import Action, ProjectName, Subject, record_each
from models.log.search import Asked, Asker, Search, ask, nearby, statement_of
from models.log.search_text import DOWN, UP, Direction
from models.organisation import Organisation
from models.people.user import User
from models.transaction import transaction
from tests.support.log import found_another

BLOCKS, IN_A_BLOCK = 40, 250
MOST = 800
LIMIT = feed.SIZE + 1
MIDDLE = BLOCKS * IN_A_BLOCK // 2
INDEXES = {
    "actor:me": "activity_of_actor",
    'actor:"Someone"': "activity_of_actor",
    "actor:system": "activity_of_class",
    "action:delete": "activity_of_class",
    "type:secret": "activity_of_class",
    "via:cli": "activity_of_class",
    "project:p0": "activity_of_project",
    "resource:service-7": "activity_of_resource",
    "resource:token-1*": "activity_of_resource",
    "cause:1": "activity_of_cause",
    "number:100..200": "activity_entries_pkey",
    "actor:me number:500 updated": "activity_of_actor",
    "port": "activity_entries_pkey",
    "changed:port": "activity_entries_pkey",
}


@pytest.fixture
def log(acme: Organisation, ada: Actor, superuser: psycopg.Connection) -> Organisation:
    """Ten thousand entries, mostly of containers in a project; few secrets, at the beginning."""
    with transaction():
        project = acme.create_project(ada, name="P0", handle="p0")
        others = acme.create_project(ada, name="P1", handle="p1")
    for block in range(BLOCKS):
        actor = {0: SYSTEM, 1: ada}.get(block % 5, Actor(1000 + block % 7, "Someone", "member", Door.WEB))
        noun, action = ("secret", Action.DELETE) if block == 1 else ("container", Action.UPDATE)
        door = Actor(actor.id, actor.name, actor.role, Door.CLI) if block == 1 else actor
        of = others if block % 8 else project
        named = [(each, f"{'token' if block == 1 else 'service'}-{each}") for each in range(IN_A_BLOCK)]
        scope = Subject(acme.id, noun, 0, "", ProjectName(of.id, of.name))
        with transaction():
            if block == 1:
                record_each(actor, Action.CREATE, scope, named)
            record_each(door, action, scope, named, cause=1 if actor is SYSTEM else None)
    superuser.execute("ANALYZE")
    return acme


@pytest.mark.parametrize("direction", [DOWN, UP], ids=["down", "up"])
@pytest.mark.parametrize("asked", INDEXES)
def test_a_search_looks_at_no_more_than_it_may(log: Organisation, ada: Actor, asked: str, direction: Direction) -> None:
    plan = _plan(log, ada, asked, direction)
    scans = [node for node in _nodes(plan) if node.get("Relation Name") == "activity_entries"]

    assert {scan["Node Type"] for scan in scans} <= {"Index Scan", "Index Only Scan"}
    # Rows are averages over loops. What was looked at is counted twice, to find where that ended; then come samples.
    looked_at = [
        (scan["Actual Rows"] + scan.get("Rows Removed by Filter", 0)) * scan["Actual Loops"]
        for scan in scans
        if scan["Actual Loops"]
    ]
    assert max(looked_at) <= MOST + 1
    assert sum(looked_at) <= 3 * MOST


@pytest.mark.parametrize("asked", INDEXES)
def test_a_term_is_looked_for_along_its_index(log: Organisation, ada: Actor, asked: str) -> None:
    plan = _plan(log, ada, asked, DOWN)
    walked = {
        node["Index Name"]
        for node in _nodes(plan)
        if node.get("Relation Name") == "activity_entries" and node["Actual Loops"] and node.get("Index Name")
    }

    assert INDEXES[asked] in walked


@pytest.mark.parametrize("direction", [DOWN, UP], ids=["down", "up"])
@pytest.mark.parametrize(
    ("asked", "index", "most"),
    [
        ("resource:service-7", "activity_of_resource", LIMIT + 1 + LIMIT),
        # One of each of a hundred and eleven things, and those of them that the page needs.
        ("resource:token-1*", "activity_of_resource", 3 * LIMIT + 2 * LIMIT),
        ('actor:"Someone"', "activity_of_actor", 2 * 7 * LIMIT),
    ],
)
def test_what_bears_a_name_is_looked_for_among_the_nearest_entries_first(
    log: Organisation, ada: Actor, asked: str, index: str, most: int, direction: Direction
) -> None:
    asking = _asking(log, ada, asked)
    near = nearby(direction, asking)
    assert near is not None
    scans = [node for node in _nodes(_explained(near, asking)) if node.get("Index Name") == index]

    assert scans
    assert sum(scan["Actual Rows"] * scan["Actual Loops"] for scan in scans) <= most


@pytest.mark.parametrize("asked", ["resource:service-7 port", "-resource:service-7", "actor:me", "project:p0", "port"])
def test_what_needs_a_longer_look_is_not_looked_for_twice(log: Organisation, ada: Actor, asked: str) -> None:
    assert nearby(DOWN, _asking(log, ada, asked)) is None


@pytest.mark.parametrize("side", ["<", ">"])
@pytest.mark.parametrize("asked", ["changed:port", "type:container", "updated"])
def test_a_search_of_what_one_person_did_looks_at_no_more_than_it_may(
    log: Organisation, people: dict[str, User], ada: Actor, asked: str, side: str
) -> None:
    other = found_another(people, ada, "globex")
    asker = Asker(people["ada"].id, UTC, datetime.now(UTC))
    organisations = [log.named, other.named]
    search = PersonalSearch(people["ada"].id, organisations, frozenset(), parse(asked), asker, MOST)
    query, values = search.question(side, NEWEST if side == "<" else BEGINNING, LIMIT)
    plan: dict[str, Any] = read(text(f"EXPLAIN (ANALYZE, FORMAT JSON) {query.text}"), values)[0][0][0]["Plan"]
    scans = [node for node in _nodes(plan) if node.get("Relation Name") == "activity_entries" and node["Actual Loops"]]

    assert {scan["Index Name"] for scan in scans} == {"activity_of_actor"}
    # What is found, and how far that was looked at.
    assert sum(scan["Actual Rows"] * scan["Actual Loops"] for scan in scans) <= 2 * MOST


def _asking(log: Organisation, ada: Actor, asked: str) -> Asked:
    search = Search(feed.whole(log.named, money=False), parse(asked), Asker(ada.id or 0, UTC, datetime.now(UTC)))
    return ask(search, MIDDLE, LIMIT, MOST)


def _explained(statement: TextClause, asking: Asked) -> dict[str, Any]:
    explained = text(f"EXPLAIN (ANALYZE, FORMAT JSON) {statement.text}")
    plan: dict[str, Any] = read(explained, asking.values)[0][0][0]["Plan"]
    return plan


def _plan(log: Organisation, ada: Actor, asked: str, direction: Direction) -> dict[str, Any]:
    asking = _asking(log, ada, asked)
    return _explained(statement_of(direction, asking), asking)


def _nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for below in plan.get("Plans", []):
        yield from _nodes(below)
