"""What holds for every page: headers, errors, health."""

from collections.abc import Callable
from dataclasses import replace

import psycopg
import pytest
from flask import Flask
from redis import Redis

from models.kinds.container import Container
from models.log.actor import Actor
from models.organisation import Organisation
from models.project import Project
from models.settings import Settings
from tests.web.conftest import Visitor
from web.application import create_app
from worker import hint

NOWHERE = "redis://127.0.0.1:1/0"


def test_the_policy_allows_nothing_inline(owner: Visitor, acme: Organisation) -> None:
    policy = owner.get("/orgs/acme").headers["Content-Security-Policy"]

    assert "script-src 'self'" in policy
    assert "unsafe" not in policy


@pytest.mark.parametrize("address", ["/login", "/orgs/acme", "/nowhere", "/static/style.css"])
def test_every_answer_is_protected(owner: Visitor, acme: Organisation, address: str) -> None:
    headers = owner.get(address).headers

    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "same-origin"
    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]


def test_pages_of_a_person_stay_out_of_shared_caches(owner: Visitor, acme: Organisation) -> None:
    assert "private" in owner.get("/orgs/acme").headers["Cache-Control"]


def test_files_outside_static_are_not_served(owner: Visitor) -> None:
    for path in ("../web/application.py", "..%2fpyproject.toml", "vendor/../../pyproject.toml", "nothing.css"):
        assert owner.get(f"/static/{path}").status_code == 404


def test_health_tells_what_does_not_answer(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    well = app.test_client().get("/healthz")
    monkeypatch.setitem(app.config, "REDIS_URL", NOWHERE)
    ill = app.test_client().get("/healthz")

    assert (well.status_code, well.json) == (200, {"database": "ok", "broker": "ok", "engine": "none"})
    assert (ill.status_code, ill.json) == (503, {"database": "ok", "broker": "does not answer", "engine": "none"})


@pytest.fixture
def hints_to(app: Flask, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Has hints go to another broker for one test."""
    monkeypatch.setitem(app.extensions, hint.EXTENSION, app.extensions[hint.EXTENSION])

    def hints_to(redis_url: str) -> None:
        hint.attach(app, replace(settings, redis_url=redis_url))

    return hints_to


def test_health_tells_of_a_broker_that_refuses_to_write(app: Flask, settings: Settings) -> None:
    broker = Redis.from_url(settings.redis_url)
    broker.config_set("maxmemory", "1")
    try:
        ill = app.test_client().get("/healthz")
    finally:
        broker.config_set("maxmemory", "0")

    assert (ill.status_code, ill.json) == (503, {"database": "ok", "broker": "does not answer", "engine": "none"})


def test_with_the_broker_down_a_deletion_leaves_its_job_all_the_same(
    hints_to: Callable[[str], None], owner: Visitor, api: Container, superuser: psycopg.Connection
) -> None:
    hints_to(NOWHERE)
    answer = owner.post("/orgs/acme/projects/web/delete", confirm="web")

    assert answer.status_code == 302
    assert superuser.execute("SELECT work, state FROM jobs").fetchall() == [("delete_project", "ready")]


@pytest.mark.parametrize("address", ["/orgs", "/orgs/acme/activity", "/orgs/acme"])
def test_with_the_database_down_a_signed_in_person_is_told(settings: Settings, owner: Visitor, address: str) -> None:
    dark = create_app(replace(settings, database_url="postgresql://nobody:none@127.0.0.1:1/none")).test_client()
    cookie = owner.client.get_cookie("activity_log_session")
    assert cookie
    dark.set_cookie("activity_log_session", cookie.value)
    answer = Visitor(dark).get(address)

    assert answer.status_code == 503
    assert "Nothing was changed" in answer.text


def test_a_hint_goes_out_with_a_deletion(
    hints_to: Callable[[str], None], settings: Settings, owner: Visitor, web: Project
) -> None:
    aside = f"{settings.redis_url[:-1]}1"  # a queue that no worker of this run listens to
    hints_to(aside)
    owner.post("/orgs/acme/projects/web/delete", confirm="web")

    assert Redis.from_url(aside).llen("activity-log") == 1


def test_a_change_outside_acting_is_an_error_not_a_lie(app: Flask, acme: Organisation, ada: Actor) -> None:
    with app.test_request_context(), pytest.raises(RuntimeError, match="outside acting"):
        acme.name = "Forgotten"
        app.process_response(app.make_response("done"))


@pytest.mark.parametrize("address", ["/orgs/a%00b", "/orgs/acme/projects/a%00b", "/orgs/acme/join/a%00b"])
def test_a_nul_in_an_address_finds_nothing(owner: Visitor, acme: Organisation, address: str) -> None:
    assert owner.get(address).status_code == 404


@pytest.mark.parametrize(
    "address",
    [
        f"/orgs/acme/activity/{10**25}",
        f"/orgs/acme/projects/web/containers?before={10**25}",
        f"/orgs/acme/billing?before={10**25}",
        f"/orgs/acme/members/{10**25}/remove",
        f"/orgs/acme/members/{10**10}/remove",
        f"/orgs/acme/billing/payment-methods/{10**25}/remove",
    ],
)
def test_a_number_that_no_row_can_have_finds_nothing(owner: Visitor, web: Project, address: str) -> None:
    answer = owner.post(address) if address.endswith("remove") else owner.get(address)

    assert answer.status_code == 404


def test_an_unknown_address_is_told_kindly(owner: Visitor) -> None:
    answer = owner.get("/nowhere")

    assert answer.status_code == 404
    assert "Not found" in answer.text


def test_too_large_a_form_is_refused(owner: Visitor, acme: Organisation) -> None:
    assert owner.post("/orgs/new", name="x" * 2_000_000).status_code == 413


def test_a_suspended_organisation_says_how_to_resume(
    owner: Visitor, web: Project, superuser: psycopg.Connection
) -> None:
    superuser.execute("UPDATE organisations SET state = 'suspended'")
    answer = owner.post("/orgs/acme/projects/new", name="More", handle="more")

    assert answer.status_code == 422
    assert "topping up" in answer.text
