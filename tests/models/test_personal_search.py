"""Searching what one person did in several organisations: the pages, joined, are what a plain look finds."""

import random
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from models.log.actor import Actor
from models.log.feed import Page, Row
from models.log.keys import BadQuery
from models.log.personal import BEGINNING, NEWEST, Cursor
from models.log.personal_search import PersonalSearch
from models.log.query import Query, parse
from models.log.record import Action, Subject, record
from models.log.search import LOOKED_AT, Asker
from models.organisation import Organisation
from models.people.user import User
from models.transaction import transaction
from tests.support.log import entries, found_another
from tests.support.matching import Reader, matching

UTC_ZONE, NOW = ZoneInfo("UTC"), datetime(2036, 1, 1, tzinfo=UTC)
NAMES = ("db-main", "db-copy", "my-api", "50%_off", "a\\b")
ASKED = (
    *("type:container", "type:billing", "-type:container", "action:delete,update", "changed:image", "-changed:image"),
    *("db-", "resource:db-*", "resource:50%*", '"a\\\\b"', "number:5..60 -number:20..30", "at:2020", "-at:2020"),
    *("actor:me", "actor:system", "via:web type:billing", "nothing", "cause:1 action:create", "number:<9"),
)
Log = tuple[Organisation, Organisation]


@pytest.fixture
def log(acme: Organisation, people: dict[str, User], ada: Actor) -> Log:
    """Two organisations in which Ada and Grace did something by turns."""
    globex = found_another(people, ada, "globex")
    grace = Actor(people["grace"].id, people["grace"].name, "admin", ada.door)
    draw = random.Random(3)
    for number in range(120):
        subject = Subject(draw.choice([acme, globex]).id, draw.choice(["container", "billing"]), 1, draw.choice(NAMES))
        changes = draw.choice([None, {"image": [1, 2]}])
        with transaction():
            record(draw.choice([ada, ada, grace]), list(Action)[number % 4], subject, changes, draw.choice([None, 1]))
    return acme, globex


def search(log: Log, user: User, asked: Query, most: int, moneyless: frozenset[int] = frozenset()) -> PersonalSearch:
    """A search of what someone did in both."""
    return PersonalSearch(user.id, [each.named for each in log], moneyless, asked, Asker(user.id, UTC_ZONE, NOW), most)


def plain(log: Log, user: User, asked: Query) -> list[tuple[int, int]]:
    """What a look at every entry finds, newest first."""
    matches = matching(asked, Reader(user.id, UTC_ZONE, NOW, {}, {}))
    mine: list[Any] = [each for of in log for each in entries(of) if each.actor_id == user.id and matches(each)]
    return [(each.organisation_id, each.number) for each in sorted(mine, key=lambda each: each.occurred_at)[::-1]]


def keys(page: Page) -> list[tuple[int, int]]:
    """The entries of a page."""
    return [(each.organisation.id, each.number) for each in page.rows if isinstance(each, Row)]


def downwards(searched: PersonalSearch) -> list[tuple[int, int]]:
    """All that a search finds, page by page."""
    before, found = NEWEST, list[tuple[int, int]]()
    while True:
        page = searched.page(before, 7)
        found += keys(page)
        if page.older is None:
            return found
        assert len(page.rows) == 7 or page.looked is not None
        assert Cursor.parse(page.older) < before
        before = Cursor.parse(page.older)


def upwards(searched: PersonalSearch) -> list[tuple[int, int]]:
    """All that a search finds on the way up."""
    after, found = BEGINNING, list[tuple[int, int]]()
    while True:
        page = searched.page_above(after, 7)
        found = keys(page) + found
        if page.above is None:
            return found
        assert Cursor.parse(page.above) > after
        after = Cursor.parse(page.above)


@pytest.mark.parametrize("most", [LOOKED_AT, 11])
@pytest.mark.parametrize("text", ASKED)
def test_the_pages_of_a_query_are_what_a_plain_look_finds(
    log: Log, people: dict[str, User], text: str, most: int
) -> None:
    searched = search(log, people["ada"], parse(text), most)
    expected = plain(log, people["ada"], parse(text))

    assert downwards(searched) == expected
    assert upwards(searched) == expected


def test_the_queries_above_find_something_and_not_everything(log: Log, people: dict[str, User]) -> None:
    everything = len(plain(log, people["ada"], Query()))
    found = [len(plain(log, people["ada"], parse(text))) for text in ASKED]

    assert len([each for each in found if 0 < each < everything]) > 10


def test_what_is_about_money_is_left_out_where_one_may_not_see_it(log: Log, people: dict[str, User]) -> None:
    asked = parse("type:billing")
    acme, globex = log
    shown = downwards(search(log, people["ada"], asked, LOOKED_AT, frozenset({acme.id})))

    assert {organisation for organisation, _ in shown} == {globex.id}


def test_organisations_share_how_much_is_looked_at(log: Log, people: dict[str, User]) -> None:
    looked = search(log, people["ada"], parse("nothing"), 20).page().looked
    mine = [[each for each in entries(of) if each.actor_id == people["ada"].id] for of in log]

    assert looked is not None
    assert looked.at == max(each[-10].occurred_at for each in mine)


def test_what_is_not_understood_is_refused(log: Log, people: dict[str, User]) -> None:
    with pytest.raises(BadQuery):
        search(log, people["ada"], parse("at:2026-03-29T02:30"), LOOKED_AT)._replace(
            asker=Asker(1, ZoneInfo("Europe/Berlin"), NOW)
        ).page()
