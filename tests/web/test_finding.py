"""The search field above a feed: one line of text, chips, menus, and rows that add to it."""

import re
from collections.abc import Callable
from html import unescape

import pytest

from models.kinds.container import Container
from models.kinds.memcached import Memcached
from models.log.actor import Actor
from models.log.search import LOOKED_AT
from models.organisation import Organisation
from models.people.access import Role
from models.people.user import User
from models.people.view import save_view
from models.project import Project
from models.transaction import transaction
from tests.support.log import fill
from tests.support.money import add_card
from tests.web.conftest import Visitor

FEED = "/orgs/acme/activity"
SUMMARY = re.compile(r'<h4 class="summary"><a href="[^"]+">([^<]+)</a>')
TERM = re.compile(r'data-term="([^"]+)"')


def found(visitor: Visitor, query: str, address: str = FEED) -> list[str]:
    """The sentences that a query finds, newest first."""
    answer = visitor.get(address, query_string={"q": query})
    assert answer.status_code == 200, answer.text
    return [unescape(each) for each in SUMMARY.findall(answer.text)]


def href(page: str, label: str) -> str:
    """The address of the first link that says this."""
    match = re.search(rf'href="([^"]+)"[^>]*>(?:<svg.*?</svg>)?(?:<span[^>]*>)?{re.escape(label)}', page)
    assert match, label
    return unescape(match[1])


@pytest.mark.parametrize(
    ("query", "summaries"),
    [
        ("action:delete type:user", ["User Linus Pauling removed"]),
        ("resource:my-api changed:image action:update", ["Container my-api updated"]),
        ("resource:db-*", ["Memcached db-cache created", "Container db-main created"]),
        ("db- -type:container", ["Memcached db-cache created"]),
        ("DB-MAIN", ["Container db-main created"]),
        ("actor:system", []),
        ("number:1", ["Organisation Acme created"]),
    ],
)
def test_a_query_shows_what_it_finds_and_nothing_else(
    owner: Visitor, busy: Project, query: str, summaries: list[str]
) -> None:
    assert found(owner, query) == summaries


@pytest.mark.parametrize(
    ("address", "summaries"),
    [
        ("/orgs/acme/projects/web", ["Container my-api updated"]),
        ("/orgs/acme/projects/web/containers/my-api", ["Container my-api updated"]),
        ("/activity", ["Container my-api updated"]),
        ("/orgs/acme/members/1/activity", ["Container my-api updated"]),
        ("/orgs/acme", ["Container my-api updated"]),
    ],
)
def test_every_feed_takes_a_query(owner: Visitor, busy: Project, address: str, summaries: list[str]) -> None:
    assert 'id="feed-query"' in owner.get(address).text
    assert found(owner, "changed:image action:update", address) == summaries


def test_the_field_keeps_the_query_in_its_canonical_form(owner: Visitor, busy: Project) -> None:
    page = owner.get(FEED, query_string={"q": "db  type:memcached,container"}).text

    assert 'value="type:container,memcached db"' in page
    assert "Entries of the type container or memcached, saying “db”" in page


def test_each_term_is_a_chip_that_can_be_taken_away_or_turned_round(owner: Visitor, busy: Project) -> None:
    page = owner.get(FEED, query_string={"q": "db- type:container"}).text

    assert TERM.findall(page)[:2] == ["type:container", "db-"]
    assert href(page, "Take away type:container") == f"{FEED}?q=db-"
    assert href(page, "Exclude type:container") == f"{FEED}?q=-type%3Acontainer+db-"
    assert href(page, "Clear") == FEED


@pytest.mark.parametrize("query", ["who:ada", 'actor:"Ada', "type:contaner", "project:nowhere", "at:2026-02-30"])
def test_a_bad_query_is_named_at_the_field_and_stays_in_it(owner: Visitor, busy: Project, query: str) -> None:
    answer = owner.get(FEED, query_string={"q": query})
    page = unescape(answer.text)

    assert answer.status_code == 422
    assert f'value="{query}"' in page
    assert 'aria-describedby="finder-error"' in page
    assert "Not understood" in page
    assert SUMMARY.findall(page) == []


def test_a_row_adds_what_it_names_to_the_query(owner: Visitor, busy: Project) -> None:
    page = owner.get(FEED, query_string={"q": "db-"}).text
    adding = [unescape(each) for each in re.findall(r'href="(\?q=[^"]+)"', page)]

    assert "?q=db-&add=actor%3A%22Ada%20Lovelace%22" in adding
    assert "?q=db-&add=action%3Acreate" in adding
    assert "?q=db-&add=resource%3Adb-main" in adding
    for each in adding:
        assert owner.get(FEED + each).location.startswith(f"{FEED}?q="), each
    answer = owner.get(f"{FEED}?q=type:container&add=-actor:system")
    assert answer.location == f"{FEED}?q=-actor%3Asystem+type%3Acontainer"


def test_a_row_adds_its_project_whatever_it_is_called_now(owner: Visitor, busy: Project, ada: Actor) -> None:
    with transaction():
        busy.update(ada, busy.version, name="Another")
    number = re.search(r'href="(\?of=\d+)">Web<', owner.get(FEED).text)

    assert number
    assert owner.get(FEED + number[1]).location == f"{FEED}?q=project%3Aweb"
    assert owner.get(FEED + number[1].replace("=", "=-")).location == f"{FEED}?q=-project%3Aweb"


def test_a_row_elsewhere_leads_to_the_feed(owner: Visitor, busy: Project) -> None:
    assert owner.get(f"{FEED}/2?add=actor:system").location == f"{FEED}?q=actor%3Asystem"
    assert owner.get("/orgs/acme?add=actor:system").location == f"{FEED}?q=actor%3Asystem"


def test_the_menu_of_people_has_those_who_left_and_that_of_projects_the_deleted_ones(
    owner: Visitor, acme: Organisation, busy: Project, ada: Actor, people: dict[str, User]
) -> None:
    linus = Actor(people["linus"].id, "Linus Torvalds", "member", ada.door)
    with transaction():
        busy.create(linus, Memcached, name="cache", handle="cache")
    with transaction():
        busy.delete(ada, "web")

    offered = owner.get(f"{FEED}?menu=actor").text
    assert re.search(r'>Linus Torvalds <span class="aside">left<', offered)
    assert re.search(r'>Web <span class="aside">deleting<', owner.get(f"{FEED}?menu=project").text)


def test_a_menu_offers_only_what_is_in_the_log_and_may_be_seen(
    visit: Callable[[str], Visitor], acme: Organisation, busy: Project, ada: Actor
) -> None:
    add_card(acme, ada, brand="JCB")

    assert "type:billing" in TERM.findall(visit("ada").get(f"{FEED}?menu=type").text)
    offered = TERM.findall(visit("vera").get(f"{FEED}?menu=type").text)
    assert "type:billing" not in offered
    assert "type:registry" not in offered
    assert {"type:container", "type:user"} <= set(offered)


def test_what_a_menu_offers_is_added_or_excluded(owner: Visitor, busy: Project) -> None:
    page = owner.get(f"{FEED}?q=type:container&menu=action").text

    assert href(page, "Deleted") == f"{FEED}?q=action%3Adelete+type%3Acontainer"
    assert href(page, "Exclude Deleted") == f"{FEED}?q=-action%3Adelete+type%3Acontainer"


def test_the_menu_of_dates_takes_a_range(owner: Visitor, busy: Project) -> None:
    form = owner.get(f"{FEED}?q=db-&menu=at").text
    assert 'name="from"' in form
    answer = owner.get(f"{FEED}?q=db-&from=2026-11-01&to=2026-11-20")

    assert answer.location == f"{FEED}?q=at%3A2026-11-01..2026-11-20+db-"
    assert owner.get(f"{FEED}?q=at:7d&from=2026-11-01&to=").location == f"{FEED}?q=at%3A%3E%3D2026-11-01"
    assert owner.get(f"{FEED}?from=2026-11-20&to=2026-11-01").status_code == 422


def test_a_feed_offers_no_menu_of_what_it_decides_itself(owner: Visitor, busy: Project) -> None:
    assert 'id="menu-type"' in owner.get("/orgs/acme/projects/web").text
    assert 'id="menu-project"' not in owner.get("/orgs/acme/projects/web").text
    assert 'id="menu-type"' not in owner.get("/orgs/acme/projects/web/containers/my-api").text
    assert 'id="menu-actor"' not in owner.get("/activity").text


def test_menus_and_suggestions_are_parts_of_the_page_for_htmx(owner: Visitor, busy: Project) -> None:
    assert owner.fragment(f"{FEED}?menu=actor").text.strip().startswith('<div class="menus"')
    assert owner.get(f"{FEED}?suggest=1&q=ac").text.startswith("<!doctype html>")


@pytest.mark.parametrize(
    ("typed", "suggested"),
    [
        ("ac", ["actor:", "action:"]),
        ("db- -ty", ["db- -type:"]),
        ("action:del", ["action:delete "]),
        ("action:create,del", ["action:create,delete "]),
        ("actor:ada", ['actor:"Ada Lovelace" ']),
        ('x actor:"ada', ['x actor:"Ada Lovelace" ']),
        ("changed:imag", ["changed:image ", "changed:image_digest "]),
        ("project:w", ["project:web "]),
        ("nothing:", []),
    ],
)
def test_what_is_typed_is_continued(owner: Visitor, busy: Project, typed: str, suggested: list[str]) -> None:
    answer = owner.get(FEED, query_string={"suggest": "1", "q": typed}, headers={"HX-Request": "true"})

    assert [unescape(each) for each in re.findall(r'data-query="([^"]*)"', answer.text)] == suggested


def test_nothing_found_offers_to_drop_the_term_that_excludes_most(owner: Visitor, busy: Project) -> None:
    page = owner.get(f"{FEED}?q=type:container+no-such-thing").text

    assert "Nothing found" in page
    assert href(page, "Without “saying “no-such-thing””") == f"{FEED}?q=type%3Acontainer"


def test_a_search_that_is_not_at_its_end_says_how_far_it_has_looked_and_goes_on(
    owner: Visitor, acme: Organisation, busy: Project, ada: Actor
) -> None:
    fill(acme, ada, LOOKED_AT)
    page = owner.get(f"{FEED}?q=organisation").text

    assert SUMMARY.findall(page) == []
    assert "Looked back to" in page
    assert "looking further" in page
    page = owner.fragment(href(page, "Look further")).text
    assert SUMMARY.findall(page) == ["Organisation Acme created"]
    assert "Looked back to" not in page


def test_what_is_new_within_a_search_is_announced(
    owner: Visitor, acme: Organisation, busy: Project, ada: Actor
) -> None:
    page = owner.get(f"{FEED}?q=resource:db-*").text
    poll = unescape(re.search(r'id="newer"[^>]*hx-get="([^"]+)"', page)[1])  # type: ignore[index]
    with transaction():
        busy.create(ada, Container, name="other", handle="other", image="nginx:1.28")
    assert "1 new" not in owner.fragment(poll).text
    with transaction():
        busy.create(ada, Container, name="db-new", handle="db-new", image="nginx:1.28")

    assert "1 new entry" in owner.fragment(poll).text
    assert SUMMARY.findall(owner.fragment(f"{poll}&show=1").text) == ["Container db-new created"]


@pytest.mark.parametrize("feed", [FEED, "/activity"])
@pytest.mark.parametrize(
    ("query", "follows"),
    [
        ("at:<2020", False),
        ("at:2020-01-01..2020-06-01 type:container", False),
        ("-at:>=2020", False),
        ("at:>=2020", True),
        ("at:7d", True),
        ("-at:2020", True),
        ("type:container", True),
    ],
)
def test_only_a_search_that_can_still_find_something_waits_for_it(
    owner: Visitor, busy: Project, feed: str, query: str, follows: bool
) -> None:
    page = owner.get(feed, query_string={"q": query}).text

    assert ('id="newer"' in page) is follows
    assert (">Live<" in page) is follows
    assert ("Nothing new can match" in page) is not follows


def test_a_search_for_numbers_that_are_taken_waits_for_nothing(owner: Visitor, busy: Project) -> None:
    assert "Nothing new can match" in owner.get(f"{FEED}?q=number:1..2").text
    assert ">Live<" in owner.get(f"{FEED}?q=number:1..2000").text


def test_the_names_that_are_offered_are_beginnings_that_several_things_share(
    owner: Visitor, acme: Organisation, busy: Project, ada: Actor
) -> None:
    with transaction():
        for name in ("Api", "api-one", "API-two", "alone-1", "-x", "-y", "züge-1", "züge-2", "plain", "plains"):
            handle = f"h{len(name)}-{ord(name[-1])}"
            busy.create(ada, Memcached, name=name, handle=handle)
    page = owner.fragment(f"{FEED}?menu=resource").text

    assert re.findall(r'<li data-term="([^"]+)"', page) == ["resource:api-*", "resource:db-*", "resource:züge-*"]
    assert found(owner, "resource:api-*") == ["Memcached API-two created", "Memcached api-one created"]


def test_who_may_not_see_money_finds_none(
    visit: Callable[[str], Visitor], acme: Organisation, busy: Project, ada: Actor
) -> None:
    add_card(acme, ada, brand="JCB")

    assert found(visit("ada"), "JCB")
    for query in ("JCB", "type:billing", "-type:user JCB", "changed:brand"):
        assert found(visit("vera"), query) == []


def test_saved_views_are_one_click_away(owner: Visitor, acme: Organisation, people: dict[str, User]) -> None:
    with transaction():
        save_view(acme.id, people["ada"].id, Role.OWNER, "Deletions", "action:delete", False)
    page = owner.get(FEED).text

    assert href(page, "Deletions") == f"{FEED}?q=action%3Adelete"
    assert href(owner.get(f"{FEED}?q=type:user").text, "Save this view") == "/orgs/acme/views?q=type%3Auser"


def test_going_to_a_moment_stays_within_the_search(owner: Visitor, busy: Project) -> None:
    page = owner.get(f"{FEED}?q=db-&at=2020-01-01").text

    assert 'name="q" value="db-"' in page
    assert "q=db-&amp;at=" in page
