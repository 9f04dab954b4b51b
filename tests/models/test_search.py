"""Random queries over a long log: what their pages show, joined, is what a plain look at every entry finds."""

import random
import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from datetime import UTC, datetime
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

import psycopg
import pytest
from flask import Flask

from models.database import db
from models.log import feed
from models.log.actor import SYSTEM, Actor, Door
from models.log.feed import LATEST, Page, Row, Scope
from models.log.keys import BadQuery
from models.log.query import Query, Term, query
from models.log.record import Action, ProjectName, Sentence, Subject, record_each
from models.log.search import Asker, Search
from models.organisation import Organisation, by_handle
from models.people.user import User
from models.transaction import transaction
from tests.support.log import entries, fill, found_another
from tests.support.matching import Reader, matching
from tests.support.together import Deed

ENTRIES, QUERIES, IN_ONE = 20_000, 500, 125
ZONES = [ZoneInfo(name) for name in ("Europe/Berlin", "America/New_York", "Australia/Lord_Howe")]
NOUNS = ["container", "container", "container", "memcached", "secret", "registry", "user", "billing"]
DOORS = [Door.WEB, Door.WEB, Door.API, Door.CLI]
WORDS = ["db-", "CREATED", "by hand", "ü", "%", "_", "nothing says this", "2"]
FIELDS = ["image", "port", "name", "nodes"]
# From before clocks are put back in Europe until after they are in America; the log ends while writers go on today.
SPREAD = """
    SET session_replication_role = replica;
    ALTER TABLE activity_entries DISABLE TRIGGER ALL;
    UPDATE activity_entries SET occurred_at = timestamptz '2026-10-24' + number / 3 * interval '2 minutes';
    ALTER TABLE activity_entries ENABLE ALWAYS TRIGGER activity_entries_are_permanent;
"""


@pytest.fixture
def log(acme: Organisation, ada: Actor, people: dict[str, User], superuser: psycopg.Connection) -> Organisation:
    """Twenty thousand entries of all sorts, and another organisation with as many names."""
    chance = random.Random(1)
    with transaction():
        projects = [acme.create_project(ada, name=f"P{each}", handle=f"p{each}") for each in range(6)]
    actors = [SYSTEM, SYSTEM, ada, *(Actor(people[each].id, people[each].name, "admin", Door.WEB) for each in people)]
    actors += [Actor(9000 + each, f"Gone {each}", "member", Door.WEB) for each in range(3)]
    last = 11
    while last < ENTRIES:
        with transaction():
            for _ in range(40):
                last += _some(acme, chance, actors, [ProjectName(each.id, each.name) for each in projects], last)
    fill(found_another(people, ada, "globex"), ada, 500)
    superuser.execute(SPREAD)
    superuser.execute("ANALYZE")
    return acme


def _some(
    acme: Organisation, chance: random.Random, actors: list[Actor], projects: list[ProjectName], last: int
) -> int:
    """Entries as one verb records them; how many."""
    actor, noun, count = chance.choice(actors), chance.choice(NOUNS), chance.choice([1, 1, 1, 2, 5, 60])
    if actor.id is not None:
        actor = Actor(actor.id, actor.name, actor.role, chance.choice(DOORS))
    project = None if noun in ("user", "billing") else chance.choices(projects, [50, 30, 10, 5, 1, 1])[0]
    things = chance.sample(range(300), count)
    named = [(each, f"{'DB-' if each % 7 == 0 else 'web ü_%'}{each}") for each in things]
    changes: Any = chance.choice([None, {chance.choice(FIELDS[:3]): [1, 2]}, {FIELDS[3]: [1, 2]} if last % 5 else None])
    cause = max(1, last - last % 500) if actor.id is None else None
    sentence = Sentence(f"{noun.capitalize()} ", chance.choice([" created", " updated by hand", " nginx:1.28"]))
    record_each(
        actor,
        chance.choice([Action.CREATE, Action.UPDATE, Action.UPDATE]),
        Subject(acme.id, noun, 0, "", project),
        named,
        changes,
        cause,
        sentence,
    )
    return count


def queries(chance: random.Random) -> Iterator[Query]:
    """Any number of random ones."""
    while True:
        terms = [_term(chance) for _ in range(chance.choice([1, 1, 2, 2, 3, 4]))]
        try:
            yield query(terms)
        except BadQuery:
            continue


def _term(chance: random.Random) -> Term:
    number = chance.randint(1, ENTRIES)
    day, hour = chance.randint(24, 31), chance.randint(0, 23)
    choices = {
        "": WORDS,
        "actor": ["me", "system", "grace@example.com", "gone 1", "Gone 2", "nobody", "ADA LOVELACE"],
        "action": [*Action],
        "type": [*dict.fromkeys(NOUNS)],
        "via": [*Door],
        "project": [f"p{each}" for each in range(6)],
        "changed": FIELDS,
        "resource": ["db-*", "DB-7", "web ü_%1*", "web ü_%11", "nothing", "w*"],
        "number": [f"{number}", f"{number}..{min(number + 2000, ENTRIES)}", f">={number}", f"<{number + 1}"],
        "cause": [f"{number - number % 500 or 1}"],
        "at": [
            *(
                f"2026-10-{day}",
                f"2026-10-25T{hour:02}",
                "2026-11-01T01",
                "2026-11-01T01:30-05:00",
                ">=2026-10-25T02:30",
            ),
            *("2026-10-25T02:30+01:00", f"<2026-10-{day}T{hour:02}:10", "9999d", "2026-10-26..2026-10-28", "2026-11"),
        ],
    }
    key = chance.choice(list(choices))
    many = 1 if key == "" else chance.choice([1, 1, 1, 2])
    values = tuple(dict.fromkeys(chance.choices(choices[key], k=many)))
    return Term(key, values, excluded=chance.random() < 0.2)


def numbers_of(page: Page, scope: Scope, asked: Search, **how: int) -> list[int]:
    """What a page holds, newest first, its folds unfolded page by page."""
    found = []
    for each in page.rows:
        if isinstance(each, Row):
            found.append(each.number)
        else:
            found += downwards(feed.of_run(scope, each.first_number), asked, **how)
    return found


def downwards(scope: Scope, asked: Search, **how: int) -> list[int]:
    """The pages of a search, joined, from the newest on."""
    found, before = list[int](), LATEST
    while True:
        page = asked._replace(scope=scope).page(before, **how)
        found += numbers_of(page, scope, asked, **how)
        if page.older is None:
            return found
        assert int(page.older) < before
        before = int(page.older)


def upwards(scope: Scope, asked: Search, **how: int) -> list[int]:
    """The pages of a search read upwards from the beginning, joined, newest first."""
    found, after = list[int](), 0
    while True:
        page = asked._replace(scope=scope).page_above(after, **how)
        found = numbers_of(page, scope, asked, **how) + found
        if page.above is None:
            return found
        assert int(page.above) > after
        after = int(page.above)


@contextmanager
def writing(app: Flask, handle: str, ada: Actor) -> Iterator[None]:
    """Lets a few threads add to the log, one entry and several at a time, all along."""
    over = threading.Event()

    def write(count: int) -> int:
        rounds, organisation = 0, by_handle(handle)
        assert organisation is not None
        while not over.wait(0.05):
            fill(organisation, ada, count)
            rounds += 1
        return rounds

    writers = [Deed(app, partial(write, count), within=nullcontext) for count in (1, 1, 5)]
    try:
        yield
    finally:
        over.set()
    assert all(each.outcome > 0 for each in writers)


@pytest.mark.parametrize("seed", range(QUERIES // IN_ONE))
@pytest.mark.timeout(900)
def test_pages_joined_are_what_a_look_at_every_entry_finds_while_others_write(
    app: Flask, log: Organisation, ada: Actor, people: dict[str, User], seed: int
) -> None:
    with writing(app, log.handle, ada):
        _compare(log, people, seed)


def _compare(log: Organisation, people: dict[str, User], seed: int) -> None:
    chance = random.Random(seed)
    everything = entries(log)[::-1]
    projects = {f"p{each}": each + 1 for each in range(6)}
    emails = {each.email: each.id for each in people.values()}
    made, named, ada_id = queries(chance), log.named, people["ada"].id
    db.session.rollback()
    for _ in range(IN_ONE):
        asked, zone, money = next(made), chance.choice(ZONES), chance.random() < 0.7
        now = datetime.now(UTC)
        reader = Reader(ada_id, zone, now, emails, projects, money)
        try:
            is_found = matching(asked, reader)
        except BadQuery:
            continue  # a time that clocks of the zone never showed
        scope = chance.choice([feed.whole(named, money), feed.of_project(named, 1, money)])
        inside = [each for each in everything if scope.condition == "" or each.project_id == 1]
        expected = [each.number for each in inside if is_found(each)]
        how = {"size": chance.choice([50, 300, 1000]), "most": chance.choice([700, 5000, 20_000])}
        walk = chance.choice([downwards, upwards])
        found = walk(scope, Search(scope, asked, Asker(reader.person_id, zone, now)), **how)
        assert [each for each in found if each <= everything[0].number] == expected, f"{asked} {how} {walk.__name__}"
