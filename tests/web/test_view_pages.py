"""The page of saved views."""

import re
from collections.abc import Callable

import pytest

from models.organisation import Organisation
from models.people.access import Role
from models.people.user import User
from models.people.view import SavedView, save_view
from models.transaction import transaction
from tests.web.conftest import Visitor

pytestmark = pytest.mark.usefixtures("acme")


@pytest.fixture
def deletions(acme: Organisation, people: dict[str, User]) -> SavedView:
    """A view that Ada shares."""
    with transaction():
        return save_view(acme.id, people["ada"].id, Role.OWNER, "Deletions", "action:delete", True)


def test_a_query_is_saved_under_a_name_and_leads_to_what_it_finds(owner: Visitor) -> None:
    form = owner.get("/orgs/acme/views?q=type:user").text
    assert 'value="type:user"' in form
    answer = owner.post("/orgs/acme/views", name="People", q="type:user")

    assert answer.location == "/orgs/acme/activity?q=type:user"
    assert "View “People” saved." in owner.get(answer.location).text
    page = owner.get("/orgs/acme/views").text
    assert "Entries of the type user" in page
    assert 'href="/orgs/acme/activity?q=type%3Auser"' in page


@pytest.mark.parametrize(
    ("typed", "complaint"),
    [
        ({"name": "Mine", "q": "who:ada"}, "There is no key “who”."),
        ({"name": "Mine", "q": ""}, "Say what the view is to find."),
        ({"name": " ", "q": "removed"}, "Enter a name."),
        ({"name": "deletions", "q": "removed", "shared": "y"}, "There is a view with the name “deletions” already."),
    ],
)
def test_what_is_refused_is_said_and_what_was_typed_stays(
    owner: Visitor, deletions: SavedView, typed: dict[str, str], complaint: str
) -> None:
    answer = owner.post("/orgs/acme/views", **typed)

    assert answer.status_code == 422
    assert complaint in answer.text
    assert all(f'value="{text}"' in answer.text for text in typed.values() if text)


def test_a_view_is_changed_and_deleted(owner: Visitor, deletions: SavedView) -> None:
    owner.post(f"/orgs/acme/views/{deletions.id}", name="Ends", q="action:terminate", shared="y")
    assert "Ends" in owner.get("/orgs/acme/views").text

    owner.post(f"/orgs/acme/views/{deletions.id}/delete")
    owner.get("/orgs/acme/views")  # says that it was deleted
    assert "Ends" not in owner.get("/orgs/acme/views").text


def test_a_change_that_is_refused_is_shown_in_the_form_of_its_view(owner: Visitor, deletions: SavedView) -> None:
    answer = owner.post(f"/orgs/acme/views/{deletions.id}", name="Ends", q="action:explode", shared="y")

    assert answer.status_code == 422
    assert re.search(rf'id="q-{deletions.id}"[^>]*value="action:explode"', answer.text)
    assert "There is no such action." in answer.text


def test_a_shared_view_is_offered_to_everyone_for_use_alone(
    visit: Callable[[str], Visitor], deletions: SavedView
) -> None:
    vera = visit("vera")

    page = vera.get("/orgs/acme/views").text
    assert "Deletions" in page
    assert f"/views/{deletions.id}" not in page
    assert vera.post(f"/orgs/acme/views/{deletions.id}", name="Hers", q="a").status_code == 403
    assert vera.post(f"/orgs/acme/views/{deletions.id}/delete").status_code == 403
    assert "Your role in this organisation does not share views." in (
        vera.post("/orgs/acme/views", name="Ours", q="a", shared="y").text
    )


def test_a_view_of_ones_own_is_nobody_elses(
    visit: Callable[[str], Visitor], acme: Organisation, people: dict[str, User]
) -> None:
    with transaction():
        mine = save_view(acme.id, people["vera"].id, Role.VIEWER, "Mine", "a", False)
    ada = visit("ada")

    assert "Mine" not in ada.get("/orgs/acme/views").text
    assert ada.post(f"/orgs/acme/views/{mine.id}/delete").status_code == 404
