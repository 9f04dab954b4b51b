"""What things cost, said before they cost it; and creating, closed while suspended."""

from html import unescape
from typing import Any

import psycopg
import pytest

from models.billing import suspension
from models.billing.account import account_of
from models.billing.suspension import By
from models.hold import hold_organisation_alone
from models.kinds.catalogue import KINDS
from models.kinds.container import Container
from models.kinds.resource import Resource
from models.kinds.secret import Secret
from models.log.actor import Actor
from models.organisation import Organisation
from models.project import Project
from models.transaction import transaction
from tests.support.deployments import deployed
from tests.support.kinds import create
from tests.support.money import add_card, pay
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


def test_the_dashboard_says_when_the_balance_runs_out_as_soon_as_something_costs(
    owner: Visitor, acme: Organisation, api: Container, ada: Actor
) -> None:
    pay(acme, ada, 100, add_card(acme, ada))
    assert "Runs out" not in owner.get("/orgs/acme").text
    deployed(api.key, 1)
    page = owner.get("/orgs/acme").text

    # 250 millicores and 256 MiB cost 14,548 millionths of a cent a minute.
    assert '<a href="/orgs/acme/billing#top-up">Runs out in about 4 days · Top up</a>' in page


def test_an_automatic_top_up_is_not_promised_while_the_card_is_declined(
    owner: Visitor, acme: Organisation, api: Container, ada: Actor, superuser: psycopg.Connection
) -> None:
    pay(acme, ada, 100, add_card(acme, ada))
    deployed(api.key, 1)
    with transaction():
        account_of(acme.id).set_auto_top_up(ada, True, 2000, 5000)
    assert "automatic top-up below €20.00" in owner.get("/orgs/acme").text
    superuser.execute("UPDATE billing_accounts SET retry_at = now() + interval '6 hours'")
    page = owner.get("/orgs/acme").text

    assert "automatic top-up below" not in page
    assert "Runs out in about 4 days · Top up</a>" in page


def test_what_is_to_come_is_not_said_to_the_second(
    owner: Visitor, acme: Organisation, superuser: psycopg.Connection
) -> None:
    superuser.execute("UPDATE organisations SET state = 'suspended'")
    superuser.execute(
        "INSERT INTO suspensions (organisation_id, by, reason, began_at, clean_up_at) "
        "VALUES (%s, 'balance', 'its balance is used up', now(), '2040-05-17 22:56:47+00')",
        [acme.id],
    )

    for page in ("/orgs/acme", "/orgs/acme/billing"):
        assert ">17 May 2040, about 22:56</time>" in owner.get(page).text
        assert "22:56:47</time>" not in owner.get(page).text


def test_without_a_card_billing_leads_to_where_one_is_added(owner: Visitor, acme: Organisation) -> None:
    page = owner.get("/orgs/acme/billing").text

    assert '<a href="#methods">Add a payment method</a>' in page
    assert 'id="methods"' in page


def test_a_figure_of_failures_leads_to_what_fails(
    owner: Visitor, web: Project, api: Container, superuser: psycopg.Connection
) -> None:
    failing = "/orgs/acme/containers?failing=1"
    assert "None fails" in owner.get(failing).text
    superuser.execute("UPDATE containers SET status = 'error'")

    assert f'href="{failing}">1 failing</a>' in owner.get("/orgs/acme").text
    assert f'href="{WEB}/containers/my-api"' in owner.get(failing).text


def test_a_list_of_what_is_in_all_projects_is_in_pages(owner: Visitor, web: Project, ada: Actor) -> None:
    for number in range(51):
        create(web, ada, Secret, handle=f"s-{number}")
    first = owner.get("/orgs/acme/secrets").text
    more = unescape(first.split('class="older" href="')[1].split('"')[0])

    assert f"{WEB}/secrets/s-0" not in first
    assert f'href="{WEB}/secrets/s-0"' in owner.get(more).text
    for broken in ("-1", "x", "9" * 30, "%00"):
        assert owner.get(f"/orgs/acme/secrets?before={broken}&project={broken}").status_code == 200


def test_no_project_is_offered_while_suspended(owner: Visitor, acme: Organisation, web: Project) -> None:
    new = 'href="/orgs/acme/projects/new"'
    assert new in owner.get("/orgs/acme/projects").text
    with transaction():
        suspension.suspend(hold_organisation_alone(acme.id), By.OPERATOR, "unpaid bills")

    assert new not in owner.get("/orgs/acme/projects").text + owner.get("/orgs/acme").text
    assert "unpaid bills" in owner.get("/orgs/acme/projects").text


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
