"""Feeds on pages: rows, fragments, what is newer, what is gone."""

import re
from collections.abc import Callable
from dataclasses import replace
from html import unescape

import pytest

from models.billing import suspension
from models.billing.suspension import By
from models.hold import hold_organisation_alone
from models.kinds.container import Container
from models.kinds.memcached import Memcached
from models.log.actor import SYSTEM, Actor, Door
from models.organisation import Organisation
from models.people.member import find_member
from models.people.user import User
from models.project import Project
from models.transaction import transaction
from tests.support.log import entries
from tests.support.work import run
from tests.web.conftest import Visitor

NUMBER = re.compile(r'data-number="(\d+)"')
OLDER = re.compile(r'<a class="older"[^>]*href="([^"]+)"')


def numbers(page: str) -> list[int]:
    """The entries on a page, in its order."""
    return [int(each) for each in NUMBER.findall(page)]


def are_in_order(page: str, *parts: str) -> bool:
    """Whether these parts follow each other on the page."""
    places = [page.index(each) for each in parts]
    return places == sorted(places)


@pytest.fixture
def many(web: Project, ada: Actor) -> Project:
    """A project with 120 containers."""
    with transaction():
        for number in range(120):
            web.create(ada, Container, name=f"c{number}", handle=f"c{number}", image="nginx:1.28")
    return web


@pytest.mark.parametrize(
    ("address", "beginning"),
    [
        ("/orgs/acme", "The beginning of the log."),
        ("/orgs/acme/activity", "The beginning of the log."),
        ("/orgs/acme/projects/web", "The project was created here."),
        ("/activity", "Your first entry."),
        ("/orgs/acme/members/1/activity", "Their first entry."),
    ],
)
def test_following_older_reaches_the_beginning_with_none_missing_or_double(
    owner: Visitor, acme: Organisation, many: Project, address: str, beginning: str
) -> None:
    seen: list[int] = []
    page = owner.get(address).text
    while True:
        seen += numbers(page)
        older = OLDER.search(page)
        if older is None:
            break
        page = owner.fragment(older[1].replace("&amp;", "&")).text
        assert "<html" not in page

    expected = [each.number for each in entries(acme)]
    if address.endswith("web"):
        expected = expected[4:]
    assert seen == expected[::-1]
    assert f'<li class="beginning">{beginning}</li>' in page


def test_a_row_says_all_that_a_feed_must(owner: Visitor, api: Container) -> None:
    page = owner.get("/orgs/acme/activity").text
    row = page[page.index('id="entry-acme-6"') - 50 :].split("</article>")[0]

    for attribute in (
        'class="entry',
        'data-number="6"',
        'data-action="create"',
        'data-resource-type="container"',
        'data-resource="my-api"',
        'data-actor="Ada Lovelace"',
        "<time",
        'datetime="',
        "Container my-api created",
    ):
        assert attribute in row


def test_nothing_new_is_answered_304_and_costs_one_look_at_the_head(
    owner: Visitor, acme: Organisation, web: Project
) -> None:
    first = owner.fragment("/orgs/acme/activity?after=5")
    again = owner.fragment("/orgs/acme/activity?after=5", **{"If-None-Match": first.headers["ETag"]})

    assert first.status_code == 200
    assert again.status_code == 304
    assert again.text == ""


def test_new_entries_are_announced_and_inserted(owner: Visitor, acme: Organisation, web: Project, ada: Actor) -> None:
    etag = owner.fragment("/orgs/acme/activity?after=5").headers["ETag"]
    for number in range(3):
        with transaction():
            web.create(ada, Container, name=f"n{number}", handle=f"n{number}", image="nginx:1.28")
    told = owner.fragment("/orgs/acme/activity?after=5", **{"If-None-Match": etag})
    shown = owner.fragment("/orgs/acme/activity?after=5&show=1")

    assert "3 new entries" in told.text
    assert numbers(shown.text) == [8, 7, 6]
    assert "after=8" in shown.text


@pytest.fixture
def few(web: Project, ada: Actor) -> Project:
    """A project with six containers."""
    with transaction():
        for number in range(6):
            web.create(ada, Container, name=f"c{number}", handle=f"c{number}", image="nginx:1.28")
    return web


def test_what_the_system_did_hangs_under_the_entry_that_caused_it(owner: Visitor, few: Project, ada: Actor) -> None:
    with transaction() as hints:
        few.delete(ada, "web")
    run(hints[0])
    page = owner.get("/orgs/acme/activity").text

    assert (
        page.index('data-number="12"') < page.index("system terminated 6 containers") < page.index('data-number="11"')
    )
    assert 'class="fold fold-hung"' in page
    assert "because of" not in page


def test_what_followed_later_says_because_of_what(owner: Visitor, acme: Organisation, few: Project, ada: Actor) -> None:
    with transaction() as hints:
        few.delete(ada, "web")
    with transaction():
        acme.create_project(ada, name="Other", handle="other")
    run(hints[0])
    page = unescape(owner.get("/orgs/acme/activity").text)

    assert (
        page.index("system terminated 6 containers") < page.index('data-number="13"') < page.index('data-number="12"')
    )
    assert "because of #12 “Project Web deleted” by Ada Lovelace" in page
    assert "fold-hung" not in page


def test_a_cascade_over_several_projects_tells_no_numbers_in_one_of_them(
    owner: Visitor, acme: Organisation, many: Project, api: Container, ada: Actor
) -> None:
    with transaction():
        other = acme.create_project(ada, name="Other", handle="other")
    with transaction():
        other.create(ada, Memcached, name="cache", handle="cache")
    with transaction() as hints:
        suspension.suspend(hold_organisation_alone(acme.id), By.OPERATOR, "a test", actor=ada)
    run(hints[0])

    assert "system suspended 121 containers and 1 memcached<" in owner.get("/orgs/acme").text
    in_one = owner.get("/orgs/acme/projects/web").text
    assert "system suspended what was in here<" in in_one
    assert "Show the entries<" in in_one


@pytest.mark.parametrize(
    ("door", "who"),
    [(Door.CLI, "the platform's operator, on its command line"), (Door.WORKER, "the platform itself, not a person")],
)
def test_an_operator_s_decision_is_not_said_to_be_the_platform_s_own(
    owner: Visitor, acme: Organisation, door: Door, who: str
) -> None:
    with transaction():
        decided = suspension.suspend(
            hold_organisation_alone(acme.id), By.OPERATOR, "a test", actor=replace(SYSTEM, door=door)
        )
    assert decided

    assert who in owner.get(f"/orgs/acme/activity/{decided.number}").text.replace("&#39;", "'")


def test_what_newer_entries_were_caused_by_comes_along_with_how_many_it_has_caused_by_now(
    owner: Visitor, acme: Organisation, many: Project, ada: Actor
) -> None:
    with transaction() as hints:
        many.delete(ada, "web")
    deletion = entries(acme)[-1].number
    run(hints[0])

    before = owner.fragment(f"/orgs/acme/activity?after={deletion}&show=1").text
    assert f'id="entry-acme-{deletion}"' in before
    assert "caused 120 entries" in before
    together = owner.fragment(f"/orgs/acme/activity?after={deletion - 1}&show=1").text
    assert together.count(f'id="entry-acme-{deletion}"') == 1
    assert "causes" not in together


@pytest.mark.parametrize(
    "address",
    [
        "/orgs/acme/activity?before=x",
        "/activity?cursor=x",
        "/orgs/acme/activity?after=-1",
        "/orgs/acme/activity?before=99999999999999999999999",
        "/activity?after=%00",
        "/orgs/acme/activity/1?run=1",
    ],
)
def test_a_broken_cursor_is_told(owner: Visitor, acme: Organisation, address: str) -> None:
    assert owner.fragment(address).status_code == 400


def test_without_a_zone_times_are_utc_and_with_one_they_are_local(owner: Visitor, api: Container) -> None:
    utc = owner.get("/orgs/acme/activity/6").text
    owner.client.set_cookie("tz", "Asia/Tokyo")
    local = owner.get("/orgs/acme/activity/6").text
    owner.client.set_cookie("tz", "../../etc/passwd")

    assert "UTC" in utc
    assert "Asia/Tokyo" in local
    assert "UTC" in local
    assert owner.get("/orgs/acme/activity/6").status_code == 200


def test_a_removed_member_loses_organisation_and_feed_at_once(
    visit: Callable[[str], Visitor], acme: Organisation, web: Project, ada: Actor, grace: Actor, people: dict[str, User]
) -> None:
    with transaction():
        web.create(grace, Container, name="by-grace", handle="by-grace", image="nginx:1.28")
    visitor = visit("grace")
    assert "by-grace" in visitor.get("/activity").text
    with transaction():
        find_member(acme.id, people["grace"].id).remove(ada)

    assert "by-grace" not in visitor.get("/activity").text
    assert visitor.get("/orgs/acme").status_code == 404


def test_a_deleted_organisation_stays_readable_for_those_who_were_members(
    visit: Callable[[str], Visitor], acme: Organisation, ada: Actor, api: Container
) -> None:
    with transaction():
        acme.delete(ada, "acme")

    vera = visit("vera")
    assert "Organisation Acme deleted" in vera.get("/orgs/acme").text
    assert "Container my-api created" in vera.get("/orgs/acme/activity").text
    assert visit("mallory").get("/orgs/acme").status_code == 404


def test_an_entrys_page_shows_what_changed_and_what_caused_what(
    owner: Visitor, acme: Organisation, web: Project, api: Container, ada: Actor
) -> None:
    with transaction():
        api.update(ada, api.version, image="nginx:1.28", environment="TOKEN=canary")
    with transaction() as hints:
        web.delete(ada, "web")
    for key in hints:
        run(key)
    changed = owner.get("/orgs/acme/activity/7").text
    cause = owner.get("/orgs/acme/activity/8").text
    effect = owner.get("/orgs/acme/activity/9").text

    assert "nginx:1.27" in changed
    assert "nginx:1.28" in changed
    assert "canary" not in changed
    assert "Container my-api terminated" in cause
    assert "/orgs/acme/activity/8" in effect
    assert 'data-actor="system"' in cause


def test_the_history_of_a_resource_goes_by_id_not_by_handle(
    owner: Visitor, web: Project, api: Container, ada: Actor
) -> None:
    with transaction():
        api.end(ada)
    ended = owner.get("/orgs/acme/projects/web/containers/my-api").text
    with transaction():
        web.create(ada, Container, name="my-api", handle="my-api", image="nginx:2.0")
    fresh = owner.get("/orgs/acme/projects/web/containers/my-api").text

    assert numbers(ended) == [7, 6]
    assert numbers(fresh) == [8]
