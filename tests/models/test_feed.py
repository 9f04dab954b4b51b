"""The door out: pages without a missing or double entry, scopes, what is new."""

import json

import pytest

from models.kinds.container import Container
from models.kinds.secret import Secret
from models.log import feed
from models.log.actor import SYSTEM, Actor
from models.log.entry import entry_of
from models.log.feed import OrganisationName, Page, Scope
from models.log.record import Action, ProjectName, Subject, record, record_each
from models.organisation import Organisation
from models.people.access import Role
from models.people.identity import rename
from models.people.user import User
from models.project import Project
from models.transaction import transaction
from tests.conftest import as_actor
from tests.support.log import entries, fill, found_another, unfolded


def scope(acme: Organisation) -> Scope:
    """All of acme."""
    return feed.whole(acme.named)


def all_pages(wanted: Scope, size: int) -> list[Page]:
    """From the newest to the oldest, as someone presses "Load older"."""
    pages = [feed.page(wanted, size=size)]
    while pages[-1].older:
        pages.append(feed.page(wanted, before=int(pages[-1].older), size=size))
    return pages


# Pages


@pytest.mark.parametrize("size", [1, 2, 5, 9, 10, 11, 50])
def test_pages_hold_every_entry_once_newest_first(acme: Organisation, ada: Actor, size: int) -> None:
    fill(acme, ada, 6)
    pages = all_pages(scope(acme), size)

    assert [row.number for page in pages for row in page.rows] == list(range(10, 0, -1))
    assert [len(page.rows) for page in pages[:-1]] == [size] * (len(pages) - 1)


def test_the_last_page_offers_nothing_older_even_when_it_is_full(acme: Organisation) -> None:
    assert feed.page(scope(acme), size=4).older is None
    assert feed.page(scope(acme), size=3).older == "2"


def test_what_is_written_meanwhile_moves_no_page(acme: Organisation, ada: Actor) -> None:
    first = feed.page(scope(acme), size=2)
    fill(acme, ada, 5)
    second = feed.page(scope(acme), before=int(first.older or 0), size=2)

    assert [row.number for row in (*first.rows, *second.rows)] == [4, 3, 2, 1]


@pytest.mark.parametrize("before", [0, 1, -5])
def test_before_the_first_entry_there_is_nothing(acme: Organisation, before: int) -> None:
    assert feed.page(scope(acme), before=before) == Page([], None, head=4)


def test_an_organisation_without_entries_has_an_empty_page(acme: Organisation) -> None:
    assert feed.page(feed.whole(OrganisationName(acme.id + 1, "nobody", "Nobody"))) == Page([], None, head=0)


def test_a_row_says_all_that_a_feed_shows(acme: Organisation, api: Container, ada: Actor) -> None:
    row = unfolded(feed.page(scope(acme)))[0]
    stored = entries(acme)[-1]._asdict()

    shown = {name: value for name, value in row._asdict().items() if name in stored}
    # As PostgreSQL writes it: a page shows two fields of fifty rows, and each row is read once a process.
    assert json.loads(shown.pop("changes")) == stored["changes"]
    assert shown == {name: stored[name] for name in shown}
    assert row._asdict().keys() - shown.keys() == {"organisation", "caused", "changes"}
    assert row.organisation == (acme.id, "acme", "Acme")


def test_one_entry_has_everything(acme: Organisation, api: Container) -> None:
    found = entry_of(acme.named, 6)
    assert found
    row, detail = found

    assert row == feed.page(scope(acme)).rows[0]
    assert (detail.door, detail.actor_role, detail.changes["image"]) == ("web", "owner", [None, "nginx:1.27"])


@pytest.mark.parametrize("number", [0, -1, 5, 2**63 - 1])
def test_an_entry_that_is_not_there_is_none(acme: Organisation, number: int) -> None:
    assert entry_of(acme.named, number) is None


# What is new


def test_newer_entries_follow_a_number_newest_first(acme: Organisation) -> None:
    assert [row.number for row in feed.newer(scope(acme), 2)] == [4, 3]
    assert feed.newer(scope(acme), 4) == []


def test_of_many_newer_ones_those_that_follow_come_so_that_none_is_skipped(acme: Organisation) -> None:
    assert [row.number for row in feed.newer(scope(acme), 1, size=2)] == [3, 2]


def test_newer_entries_are_counted_up_to_a_limit(acme: Organisation, ada: Actor) -> None:
    assert feed.count_newer(scope(acme), 1) == 3
    assert feed.count_newer(scope(acme), 9) == 0
    fill(acme, ada, 150)
    assert feed.count_newer(scope(acme), 1) == feed.COUNTED


def test_newer_entries_of_a_project_are_counted_alone(acme: Organisation, web: Project, api: Container) -> None:
    assert feed.count_newer(feed.of_project(acme.named, web.id), 5) == 1


def test_the_head_grows_with_every_entry(acme: Organisation, ada: Actor) -> None:
    fill(acme, ada, 3)

    assert feed.head(acme.id) == 7
    assert feed.page(feed.of_project(acme.named, 1)).head == 7
    assert feed.head(acme.id + 1) == 0


# Scopes


def test_a_project_shows_itself_and_what_is_in_it(acme: Organisation, web: Project, api: Container, ada: Actor) -> None:
    with transaction():
        other = acme.create_project(ada, name="Other", handle="other")
    with transaction():
        other.create(ada, Secret, handle="theirs", value="x")

    pages = all_pages(feed.of_project(acme.named, web.id), 1)
    assert [row.resource_name for page in pages for row in unfolded(page)] == ["my-api", "Web"]


def test_a_resource_shows_its_own_history_and_not_that_of_its_namesake(
    acme: Organisation, web: Project, ada: Actor
) -> None:
    for _ in range(2):
        with transaction():
            latest = web.create(ada, Secret, handle="token", value="x")
        with transaction():
            latest.end(ada)

    rows = unfolded(feed.page(feed.of_resource(acme.named, "secret", latest.id)))
    assert [(row.number, row.action) for row in rows] == [(9, "delete"), (8, "create")]


def test_a_resource_of_another_type_with_the_same_id_is_another(acme: Organisation, ada: Actor) -> None:
    with transaction():
        record(ada, Action.UPDATE, Subject(acme.id, "secret", 7, "s"))
        record(ada, Action.UPDATE, Subject(acme.id, "registry", 7, "r"))

    assert [row.resource_name for row in unfolded(feed.page(feed.of_resource(acme.named, "secret", 7)))] == ["s"]


def test_a_cause_shows_what_it_set_off(acme: Organisation, ada: Actor) -> None:
    with transaction():
        cause = record(ada, Action.DELETE, acme.subject)
        record_each(SYSTEM, Action.TERMINATE, Subject(acme.id, "container", 0, ""), [(1, "a"), (2, "b")], cause=cause)
    fill(acme, ada, 2)

    pages = all_pages(feed.of_cause(acme.named, cause.number), 1)
    assert [row.resource_name for page in pages for row in unfolded(page)] == ["b", "a"]


def test_organisations_do_not_see_each_other(acme: Organisation, people: dict[str, User], ada: Actor) -> None:
    globex = found_another(people, ada, "globex")

    assert [row.resource_name for row in unfolded(feed.page(feed.whole(globex.named)))] == ["Globex"]
    assert feed.page(feed.of_resource(globex.named, "organisation", acme.id)).rows == []
    assert feed.page(feed.of_project(globex.named, 1)).rows == []
    assert feed.page(feed.of_cause(globex.named, 1)).rows == []


def test_a_feed_reads_the_names_of_then(acme: Organisation, people: dict[str, User], ada: Actor) -> None:
    project = ProjectName(7, "Then")
    with transaction():
        record(ada, Action.CREATE, Subject(acme.id, "secret", 1, "token", project))
    with transaction():
        rename(people["ada"], ada, "Someone Else")

    row = unfolded(feed.page(scope(acme)))[1]
    assert (row.actor_name, row.project_name) == ("Ada Lovelace", "Then")
    assert as_actor(people["ada"], Role.OWNER).name == "Someone Else"
