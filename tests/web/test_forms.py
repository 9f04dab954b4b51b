"""What every form does with what people type."""

from collections.abc import Callable
from uuid import uuid4

import pytest
from werkzeug.test import TestResponse

from models.database import db
from models.kinds.container import Container
from models.kinds.registry import Registry
from models.kinds.secret import Secret
from models.log.actor import Actor
from models.organisation import Organisation
from models.project import Project
from models.transaction import transaction
from tests.support.log import entries, latest_entry
from tests.web.conftest import Visitor

CONTAINERS = "/orgs/acme/projects/web/containers"
GOOD = {
    "name": "My Kept Name",
    "handle": "kept",
    "image": "nginx:1.28",
    "port": "8080",
    "health_path": "/health",
    "cpu_millicores": "250",
    "memory_mib": "256",
    "environment": "",
}


@pytest.mark.parametrize(
    ("field", "value", "complaint"),
    [
        ("name", "", "Enter a name."),
        ("name", "n" * 78, "at most 77"),
        ("name", "a\x07b", "control character"),
        ("name", "evil\u202egnp", "control character"),
        ("handle", "", "Enter a handle."),
        ("handle", "Not-A-Handle", "lower-case letters"),
        ("handle", "h" * 52, "at most 51"),
        ("handle", "new", "reserved"),
        ("image", "nginx", "tag or digest"),
        ("image", "", "Enter an image."),
        ("image", "nginx:1.28 --privileged", "tag or digest"),
        ("port", "eighty", "whole number"),
        ("port", "0", "from 1 to 65,535"),
        ("cpu_millicores", "19", "from 20"),
        ("memory_mib", "63", "from 64"),
        ("memory_mib", "1e9", "whole number"),
        ("memory_mib", "9" * 100, "from 64"),
        ("memory_mib", "9" * 400, "at most 200"),
        ("port", "8_0", "whole number"),
        ("health_path", "health", "slash"),
        ("environment", "NOEQUALS", "Line 1 has no “=”."),
        ("environment", "A=1\nexport B=2", "Line 2 begins with “export”"),
        ("environment", "# pasted", "Line 1 is a comment."),
        ("environment", "A=1\nA=2", "second time"),
        ("environment", "A=••••••••", "Give A a value."),
        ("secrets", "not-there", "not-there"),
        ("registry_handle", "not-there", "not-there"),
    ],
)
def test_bad_input_is_answered_beside_its_field_and_nothing_typed_is_lost(
    owner: Visitor, acme: Organisation, web: Project, field: str, value: str, complaint: str
) -> None:
    before = len(entries(acme))
    answer = owner.post(f"{CONTAINERS}/new", **{**GOOD, field: value})

    assert answer.status_code == 422
    assert complaint in answer.text or "Not a valid choice" in answer.text or "not valid choices" in answer.text
    assert field == "name" or 'value="My Kept Name"' in answer.text
    assert field == "image" or 'value="nginx:1.28"' in answer.text
    assert len(entries(acme)) == before


def test_a_form_begins_with_what_the_thing_is_called(owner: Visitor, web: Project) -> None:
    page = owner.get(f"{CONTAINERS}/new").text

    assert page.index('name="name"') < page.index('name="handle"') < page.index('name="image"')


def test_a_field_with_an_error_points_at_its_message(owner: Visitor, web: Project) -> None:
    page = owner.post(f"{CONTAINERS}/new", **{**GOOD, "port": "x"}).text

    assert 'aria-invalid="true"' in page
    assert 'aria-describedby="' in page


def test_what_is_typed_is_shown_as_text(owner: Visitor, acme: Organisation, web: Project) -> None:
    owner.post(f"{CONTAINERS}/new", **{**GOOD, "name": "<script>alert(1)</script>"})

    assert latest_entry(acme).resource_name == "<script>alert(1)</script>"
    for page in ("/orgs/acme", "/orgs/acme/activity", f"{CONTAINERS}/kept", "/orgs/acme/projects/web", "/activity"):
        text = owner.get(page).text
        assert "<script>alert" not in text
        assert "&lt;script&gt;alert" in text


def test_a_taken_handle_is_told_beside_it(owner: Visitor, api: Container) -> None:
    answer = owner.post(f"{CONTAINERS}/new", **{**GOOD, "handle": "my-api"})

    assert answer.status_code == 422
    assert "exists in this project" in answer.text


def test_the_second_of_two_who_edit_is_told_and_can_then_decide(
    owner: Visitor, visit: Callable[[str], Visitor], acme: Organisation, api: Container
) -> None:
    grace = visit("grace")
    values = {**GOOD, "name": "my-api", "image": "nginx:1.27"}
    for replaced in ("handle", "memory_mib"):
        values.pop(replaced)
    first = owner.post(f"{CONTAINERS}/my-api", **values, version=version_of(api), memory_mib="1024")
    second = grace.post(f"{CONTAINERS}/my-api", **values, version="1", memory_mib="2048")

    assert first.status_code == 302
    assert second.status_code == 422
    assert "Someone else changed this" in second.text
    assert "1024" in second.text
    assert 'value="2048"' in second.text
    assert grace.post(f"{CONTAINERS}/my-api", **values, version=version_of(api), memory_mib="2048").status_code == 302
    assert latest_entry(acme).changes["memory_mib"] == [1024, 2048]


def test_a_page_about_one_that_has_ended_does_not_touch_its_namesake(
    owner: Visitor, web: Project, acme: Organisation, ada: Actor
) -> None:
    with transaction():
        old = web.create(ada, Secret, handle="db", value="old")
    with transaction():
        old.end(ada)
    with transaction():
        web.create(ada, Secret, handle="db", value="new")
    before = len(entries(acme))
    address = "/orgs/acme/projects/web/secrets/db"
    owner.post(address, of=old.id, version="1", value="from a stale page")
    owner.post(f"{address}/delete", of=old.id)

    assert "bears its handle now" in owner.get(address).text
    assert len(entries(acme)) == before


def test_the_second_editor_is_told_of_variables_and_of_what_is_empty_now(owner: Visitor, web: Project) -> None:
    owner.post(
        "/orgs/acme/projects/web/registries/new", handle="hub", server="r.example.com", username="u", password="p"
    )
    owner.post(f"{CONTAINERS}/new", **{**GOOD, "environment": "A=1", "registry_handle": "hub"})
    values = {name: value for name, value in GOOD.items() if name != "handle"}
    owner.post(
        f"{CONTAINERS}/kept", **{**values, "environment": "A=••••••••\nB=2", "registry_handle": "", "version": "1"}
    )
    stale = {**values, "environment": "A=••••••••", "registry_handle": "hub", "port": "81", "version": "1"}
    told = owner.post(f"{CONTAINERS}/kept", **stale)

    assert told.status_code == 422
    assert "Registry is now empty" in told.text
    assert "B=••••••••" in told.text


def version_of(container: Container) -> str:
    """The version stored now."""
    db.session.rollback()
    db.session.refresh(container)
    return str(container.version)


def test_sealed_values_never_come_back(owner: Visitor, web: Project) -> None:
    canary = "canary-7f3a"
    owner.post("/orgs/acme/projects/web/secrets/new", handle="token", value=canary)
    owner.post(
        "/orgs/acme/projects/web/registries/new", handle="hub", server="r.example.com", username="u", password=canary
    )
    owner.post(f"{CONTAINERS}/new", **{**GOOD, "environment": f"TOKEN={canary}", "secrets": "token"})
    failed = [
        owner.post("/orgs/acme/projects/web/secrets/new", handle="Bad Handle", value=canary),
        owner.post("/orgs/acme/projects/web/registries/new", handle="Bad Handle", password=canary),
    ]
    pages = [
        owner.get(address)
        for address in (
            "/orgs/acme/projects/web/secrets/token",
            "/orgs/acme/projects/web/registries/hub",
            f"{CONTAINERS}/kept",
            "/orgs/acme/projects/web",
            "/orgs/acme/activity",
            *(f"/orgs/acme/activity/{number}" for number in range(1, 9)),
        )
    ]

    assert all(page.status_code == 200 for page in pages)
    assert all(canary not in page.text for page in [*pages, *failed])


def test_a_variable_left_as_dots_keeps_its_value(owner: Visitor, web: Project, acme: Organisation) -> None:
    owner.post(f"{CONTAINERS}/new", **{**GOOD, "environment": "A=1\nB=2"})
    found = web.find(Container, "kept")
    values = {name: value for name, value in GOOD.items() if name != "handle"}
    owner.post(f"{CONTAINERS}/kept", **{**values, "environment": "A=••••••••\nB=3", "version": found.version})
    db.session.rollback()

    assert web.find(Container, "kept").environment == "A=1\nB=3"
    assert latest_entry(acme).changes == {"environment": ["changed"]}


def test_saving_without_a_change_writes_no_entry(owner: Visitor, web: Project, acme: Organisation) -> None:
    owner.post(f"{CONTAINERS}/new", **{**GOOD, "environment": "A=1"})
    before = len(entries(acme))
    values = {name: value for name, value in GOOD.items() if name != "handle"}
    answer = owner.post(f"{CONTAINERS}/kept", **{**values, "environment": "A=••••••••", "version": "1"})

    assert answer.status_code == 302
    assert len(entries(acme)) == before


def test_an_empty_new_password_keeps_the_old_one(owner: Visitor, web: Project, acme: Organisation) -> None:
    registry = {"server": "r.example.com", "username": "u"}
    owner.post("/orgs/acme/projects/web/registries/new", handle="hub", password="old one", **registry)
    owner.post("/orgs/acme/projects/web/registries/hub", password="", version="1", **{**registry, "username": "v"})

    assert latest_entry(acme).changes == {"username": ["u", "v"]}
    assert web.find(Registry, "hub").password == "old one"


def test_a_secret_in_use_is_not_deleted_and_the_user_is_named(owner: Visitor, web: Project) -> None:
    owner.post("/orgs/acme/projects/web/secrets/new", handle="token", value="x")
    owner.post(f"{CONTAINERS}/new", **{**GOOD, "secrets": "token"})
    answer = owner.post("/orgs/acme/projects/web/secrets/token/delete")

    assert answer.status_code == 422
    assert "is used by My Kept Name" in answer.text
    assert web.find(Secret, "token").ended_at is None


def test_a_second_click_on_terminate_is_told_and_written_once(
    owner: Visitor, acme: Organisation, api: Container
) -> None:
    first = owner.post(f"{CONTAINERS}/my-api/terminate")
    second = owner.post(f"{CONTAINERS}/my-api/terminate")

    assert (first.status_code, second.status_code) == (302, 302)
    assert "already terminated" in owner.get(second.location).text
    assert [each.action for each in entries(acme)].count("terminate") == 1


def test_the_wrong_word_for_an_end_is_no_address(owner: Visitor, api: Container) -> None:
    assert owner.post(f"{CONTAINERS}/my-api/delete").status_code == 404


@pytest.mark.parametrize("typed", ["", "Acme", "acm", "web"])
@pytest.mark.parametrize("address", ["/orgs/acme/delete", "/orgs/acme/projects/web/delete"])
def test_deleting_asks_for_the_handle(
    owner: Visitor, acme: Organisation, web: Project, address: str, typed: str
) -> None:
    if address.endswith("web/delete") and typed == "web":
        return
    answer = owner.post(address, confirm=typed)

    assert answer.status_code == 422
    assert "to confirm" in answer.text
    assert latest_entry(acme).action == "create"


@pytest.mark.parametrize(
    "amount", ["", "0", "0.99", "-5", "10000.01", "abc", "1.234", "NaN", "Infinity", "1e3x", "9" * 100]
)
def test_an_amount_that_makes_no_sense_moves_no_money(owner: Visitor, acme: Organisation, amount: str) -> None:
    add_card(owner)
    before = len(entries(acme))
    answer = owner.post("/orgs/acme/billing/top-ups", amount=amount, payment_method="1", request_id=str(uuid4()))

    assert answer.status_code == 422
    assert "Enter an amount from" in answer.text
    assert len(entries(acme)) == before


def test_a_double_click_on_top_up_moves_money_once(owner: Visitor, acme: Organisation) -> None:
    add_card(owner)
    form = {"amount": "25.00", "payment_method": "1", "request_id": str(uuid4())}
    answers = [owner.post("/orgs/acme/billing/top-ups", **form) for _ in range(2)]

    assert [each.status_code for each in answers] == [302, 302]
    assert latest_entry(acme).changes == {"balance_cents": [0, 2500]}
    assert [each.summary for each in entries(acme)].count("Balance topped up by €25.00 with Visa ending 4242") == 1


@pytest.mark.parametrize(
    ("field", "value"),
    [("last_four", "4242424242424242"), ("last_four", "abcd"), ("expiry_year", "2001"), ("expiry_month", "13")],
)
def test_a_card_that_makes_no_sense_is_not_kept(owner: Visitor, acme: Organisation, field: str, value: str) -> None:
    answer = add_card(owner, **{field: value})

    assert answer.status_code == 422
    assert latest_entry(acme).resource_type == "user"


def test_someone_elses_card_is_not_found(owner: Visitor, acme: Organisation, visit: Callable[[str], Visitor]) -> None:
    mallory = visit("mallory")
    mallory.post("/orgs/new", name="Evil", handle="evil", email="m@example.com")
    add_card(mallory, org="evil")

    assert owner.post("/orgs/acme/billing/payment-methods/1/remove").status_code == 404
    answer = owner.post("/orgs/acme/billing/top-ups", amount="5", payment_method="1", request_id=str(uuid4()))
    assert answer.status_code in (404, 422)


def test_an_unknown_role_is_refused(owner: Visitor, acme: Organisation) -> None:
    answer = owner.post("/orgs/acme/members", email="mallory@example.com", role="emperor")

    assert answer.status_code == 422


def add_card(visitor: Visitor, org: str = "acme", **other: str) -> TestResponse:
    """Save a Visa."""
    card = {"brand": "Visa", "last_four": "4242", "expiry_month": "9", "expiry_year": "2040"}
    return visitor.post(f"/orgs/{org}/billing/payment-methods", **{**card, **other})
