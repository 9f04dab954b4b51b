"""What things cost, said before they cost it; and creating, closed while suspended."""

from typing import Any

import pytest

from models.billing import suspension
from models.billing.suspension import By
from models.hold import hold_organisation_alone
from models.kinds.catalogue import KINDS
from models.kinds.resource import Resource
from models.organisation import Organisation
from models.project import Project
from models.transaction import transaction
from tests.web.conftest import Visitor
from web.words import about, lasting

WEB = "/orgs/acme/projects/web"
CLOSED = "Nothing can be created while Acme is suspended."


@pytest.mark.parametrize(
    ("kind", "typed", "told"),
    [
        ("containers", {}, "€6.37 a month"),
        ("containers", {"cpu_millicores": "1000", "memory_mib": "1024"}, "€25.48 a month"),
        ("containers", {"cpu_millicores": "many", "memory_mib": ""}, "€6.37 a month"),
        ("memcached", {"memory_mib": "512", "nodes": "3"}, "€8.07 a month"),
    ],
)
def test_a_form_says_what_its_values_cost(
    owner: Visitor, web: Project, kind: str, typed: dict[str, Any], told: str
) -> None:
    query = "&".join(f"{name}={value}" for name, value in typed.items())

    assert told in owner.fragment(f"{WEB}/{kind}/new?{query}").text
    assert typed or told in owner.get(f"{WEB}/{kind}/new").text


@pytest.mark.parametrize("kind", ["secrets", "registries"])
def test_what_is_free_says_no_price(owner: Visitor, web: Project, kind: str) -> None:
    asked = owner.fragment(f"{WEB}/{kind}/new")

    assert "a month" not in owner.get(f"{WEB}/{kind}/new").text
    assert (asked.status_code, asked.text) == (204, "")


def test_no_secret_is_sent_to_ask_for_a_price(owner: Visitor, web: Project) -> None:
    [asking] = [each for each in owner.get(f"{WEB}/containers/new").text.split("<p ") if 'id="price"' in each]
    included = asking.split('hx-include="')[1].split('"')[0]

    assert "[name=cpu_millicores]" in included
    assert "environment" not in included


def test_an_organisation_without_a_card_is_led_to_add_one(owner: Visitor, acme: Organisation) -> None:
    page = owner.get("/orgs/acme").text

    assert '<a href="/orgs/acme/billing#methods">Add a payment method</a>' in page
    assert "Runs out" not in page


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.noun)
def test_creating_is_closed_while_suspended(owner: Visitor, web: Project, kind: type[Resource]) -> None:
    with transaction():
        suspension.suspend(hold_organisation_alone(1), By.OPERATOR, "unpaid bills")
    new = f"{WEB}/{kind.plural}/new"

    assert f'href="{new}"' not in owner.get(WEB).text + owner.get(f"{WEB}/{kind.plural}").text
    page = owner.get(new).text
    assert CLOSED in page
    assert "unpaid bills" in page
    assert 'name="handle"' not in page
    assert CLOSED in owner.get("/orgs/acme/projects/new").text


def test_how_long_is_said_as_exactly_as_it_can_be_foreseen() -> None:
    assert [about(each) for each in (1, 6, 119, 120, 2879, 2880, 1_000_000, 9_999_999)] == [
        "1 minute",
        "6 minutes",
        "119 minutes",
        "2 hours",
        "47 hours",
        "2 days",
        "694 days",
        "19 years",
    ]
    assert (lasting(6), lasting(0)) == ("Runs out in about 6 minutes", "Nothing is left")
