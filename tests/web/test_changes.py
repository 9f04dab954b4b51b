"""What the row and the page of an entry say of its changes."""

import json
from datetime import UTC, datetime
from html import unescape
from typing import Any

import pytest

from models.kinds.container import Container
from models.kinds.secret import Secret
from models.log.actor import Actor
from models.log.feed import OrganisationName, Row
from models.project import Project
from models.transaction import transaction
from tests.web.conftest import Visitor
from web.changes import LONGEST, Change, briefly, describe

ACME = OrganisationName(1, "acme", "Acme")


def row(changes: dict[str, list[Any]] | None, noun: str = "container", action: str = "update") -> Row:
    """A row whose entry changed this."""
    told = None if changes is None else json.dumps(changes)
    now = datetime.now(UTC)
    return Row(ACME, 7, now, 1, "Ada", action, noun, "api", "Web", "Container api updated", None, changes=told)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"image": ["nginx:1.28", "nginx:1.29"]}, ("Image", "nginx:1.28 → 1.29")),
        ({"image": ["nginx:1.28", "caddy:2"]}, ("Image", "nginx:1.28 → caddy:2")),
        ({"image": ["localhost:5000/a", "localhost:5001/b"]}, ("Image", "localhost:5000/a → localhost:5001/b")),
        ({"secrets": [[], ["db-password"]]}, ("Secrets", "+ db-password")),
        ({"secrets": [["a", "b"], ["b", "c"]]}, ("Secrets", "+ c, − a")),
        ({"environment": ["changed"]}, ("Environment variables", "changed")),
        ({"registry_handle": ["hub", None]}, ("Registry", "hub → none")),
        ({"health_path": ["", "/health"]}, ("Health check path", "/health")),
        ({"cpu_millicores": [250, 500]}, ("CPU (millicores)", "250 → 500")),
    ],
)
def test_a_row_says_what_became_of_a_field(changes: dict[str, list[Any]], told: tuple[str, str]) -> None:
    assert briefly(row(changes)) == ([told], 0)


def test_a_row_tells_two_changes_in_the_declared_order_and_counts_the_others() -> None:
    # jsonb keeps the shortest key first.
    told, more = briefly(
        row({"port": [80, 8080], "image": ["a:1", "a:2"], "secrets": [[], ["x"]], "name": ["b", "api"]})
    )

    assert told == [("Name", "b → api"), ("Image", "a:1 → 2")]
    assert more == 2


def test_a_row_does_not_repeat_its_sentence() -> None:
    assert briefly(row({"state": ["active", "suspended"]})) == ([], 0)
    assert briefly(row({"role": ["viewer", "member"]}, "user")) == ([], 0)
    assert briefly(row({"name": [None, "api"], "handle": [None, "api"], "port": [None, 80]}, action="create")) == (
        [("Port", "80")],
        0,
    )


def test_money_is_written_as_money() -> None:
    assert briefly(row({"balance_cents": [0, 2500]}, "billing")).told == [("Balance", "€0.00 → €25.00")]


def test_a_long_value_is_cut_in_the_row_and_whole_on_the_page() -> None:
    long = f"{'x' * 200}:1"
    changes: dict[str, list[Any]] = {"image": [None, long]}
    [(_, told)] = briefly(row(changes)).told

    assert len(told) == LONGEST
    assert told.endswith("…")
    assert describe("container", changes) == [Change("Image", None, long)]


def test_an_entry_without_changes_has_none_to_tell() -> None:
    assert briefly(row(None)) == ([], 0)


def test_the_page_tells_fields_in_the_order_in_which_they_are_declared() -> None:
    changes: dict[str, list[Any]] = {
        "port": [None, 80],
        "image": [None, "a:1"],
        "something_else": [1, 2],
        "name": [None, "api"],
    }

    assert [each.label for each in describe("container", changes)] == ["Name", "Image", "Port", "Something else"]


def test_a_feed_shows_changes_and_no_sealed_value(owner: Visitor, web: Project, api: Container, ada: Actor) -> None:
    with transaction():
        key = web.create(ada, Secret, handle="db", value="first-canary")
    with transaction():
        key.update(ada, key.version, value="second-canary")
    with transaction():
        api.update(ada, api.version, image="nginx:1.28", environment="TOKEN=third-canary")
    page = unescape(owner.get("/orgs/acme/activity").text)

    assert "Image <b>nginx:1.27 → 1.28</b>" in page
    assert "Environment variables <b>changed</b>" in page
    assert "Value <b>changed</b>" in page
    assert "canary" not in page


def test_a_value_that_is_markup_stays_text(owner: Visitor, web: Project, ada: Actor) -> None:
    with transaction():
        web.create(ada, Container, name="x", handle="x", image="nginx:1.28", health_path="/<script>")

    assert "<script>" not in owner.get("/orgs/acme/activity").text.partition("<main")[2]
