"""Saved views: names for queries, kept apart by organisation and person."""

import pytest

from models.errors import Forbidden, Invalid, NameTaken, NotFound, QuotaReached
from models.log.keys import BadQuery
from models.organisation import Organisation
from models.people import view
from models.people.access import Role
from models.people.user import User
from models.people.view import SavedView, find_view, save_view, views_of
from models.transaction import transaction
from tests.support.log import summaries


def saved(acme: Organisation, user: User, name: str, role: Role = Role.MEMBER, shared: bool = False) -> SavedView:
    """A view that someone saved."""
    with transaction():
        return save_view(acme.id, user.id, role, name, "action:delete", shared)


def names(organisation: Organisation, user: User) -> list[str]:
    """The names of the views that someone has."""
    return [each.name for each in views_of(organisation.id, user.id)]


def test_a_view_of_ones_own_is_seen_by_oneself_alone(acme: Organisation, people: dict[str, User]) -> None:
    mine = saved(acme, people["ada"], "Mine")

    assert names(acme, people["ada"]) == ["Mine"]
    assert names(acme, people["grace"]) == []
    with pytest.raises(NotFound):
        find_view(acme.id, mine.id, people["grace"].id)


def test_a_shared_view_is_everyones(acme: Organisation, people: dict[str, User]) -> None:
    ours = saved(acme, people["ada"], "Ours", shared=True)

    assert names(acme, people["grace"]) == ["Ours"]
    assert find_view(acme.id, ours.id, people["grace"].id).name == "Ours"


def test_a_view_is_found_in_its_own_organisation_alone(acme: Organisation, people: dict[str, User]) -> None:
    ours = saved(acme, people["ada"], "Ours", shared=True)

    assert views_of(acme.id + 1, people["ada"].id) == []
    with pytest.raises(NotFound):
        find_view(acme.id + 1, ours.id, people["ada"].id)


def test_a_query_is_kept_in_its_canonical_form(acme: Organisation, people: dict[str, User]) -> None:
    with transaction():
        kept = save_view(acme.id, people["ada"].id, Role.MEMBER, " Mine ", "b type:user a", False)

    assert (kept.name, kept.query) == ("Mine", "type:user a b")


@pytest.mark.parametrize("query", ["", "  ", "who:ada", '"'])
def test_what_is_no_query_is_not_saved(acme: Organisation, people: dict[str, User], query: str) -> None:
    with pytest.raises(BadQuery), transaction():
        save_view(acme.id, people["ada"].id, Role.MEMBER, "Mine", query, False)


def test_a_view_needs_a_name(acme: Organisation, people: dict[str, User]) -> None:
    with pytest.raises(Invalid), transaction():
        save_view(acme.id, people["ada"].id, Role.MEMBER, " ", "a", False)


@pytest.mark.parametrize("shared", [False, True])
def test_a_name_is_taken_whatever_its_case(acme: Organisation, people: dict[str, User], shared: bool) -> None:
    saved(acme, people["ada"], "Deletions", shared=shared)

    with pytest.raises(NameTaken, match="“DELETIONS”"):
        saved(acme, people["ada"], "DELETIONS", shared=shared)


def test_a_name_of_ones_own_can_be_one_that_others_have(acme: Organisation, people: dict[str, User]) -> None:
    saved(acme, people["ada"], "Deletions", shared=True)
    saved(acme, people["ada"], "Deletions")
    saved(acme, people["grace"], "Deletions")

    assert names(acme, people["grace"]) == ["Deletions", "Deletions"]


def test_changing_a_name_to_a_taken_one_is_refused(acme: Organisation, people: dict[str, User]) -> None:
    saved(acme, people["ada"], "One")
    other = saved(acme, people["ada"], "Two")

    with pytest.raises(NameTaken), transaction():
        other.change(people["ada"].id, Role.MEMBER, "one", "a", False)


def test_a_shared_view_is_changed_by_who_saved_it_and_by_who_manages_members(
    acme: Organisation, people: dict[str, User]
) -> None:
    ours = saved(acme, people["linus"], "Ours", shared=True)
    with pytest.raises(Forbidden), transaction():
        find_view(acme.id, ours.id, people["vera"].id).change(people["vera"].id, Role.MEMBER, "Hers", "a", True)
    with transaction():
        find_view(acme.id, ours.id, people["grace"].id).change(people["grace"].id, Role.ADMIN, "Everyone's", "b", True)
    assert names(acme, people["linus"]) == ["Everyone's"]

    with transaction():
        find_view(acme.id, ours.id, people["linus"].id).remove(people["linus"].id, Role.MEMBER)
    assert names(acme, people["linus"]) == []


@pytest.mark.parametrize("role", [Role.VIEWER, Role.AUDITOR])
def test_who_only_reads_shares_nothing(acme: Organisation, people: dict[str, User], role: Role) -> None:
    with pytest.raises(Forbidden):
        saved(acme, people["vera"], "Ours", role, shared=True)
    mine = saved(acme, people["vera"], "Mine", role)
    with pytest.raises(Forbidden), transaction():
        mine.change(people["vera"].id, role, "Mine", "a", True)


def test_there_are_so_many_views_and_no_more(
    acme: Organisation, people: dict[str, User], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(view, "MOST", 2)
    for name in ("a", "b"):
        saved(acme, people["ada"], name)

    with pytest.raises(QuotaReached, match="You have 2 views"):
        saved(acme, people["ada"], "c")
    saved(acme, people["ada"], "c", shared=True)
    saved(acme, people["grace"], "c")


def test_no_entry_tells_of_a_view(acme: Organisation, people: dict[str, User]) -> None:
    before = summaries(acme)
    ours = saved(acme, people["ada"], "Ours", shared=True)
    with transaction():
        ours.change(people["ada"].id, Role.OWNER, "Mine", "b", False)
    with transaction():
        ours.remove(people["ada"].id, Role.OWNER)

    assert summaries(acme) == before
