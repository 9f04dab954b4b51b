"""Output on pages: what was read, why there is none, and who may see it."""

import re
from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from flask import Flask
from redis import Redis

from models import installation
from models.jobs import deployment
from models.jobs.deployment import DeploymentKey
from models.jobs.output import Line, Output
from models.kinds.container import Container
from models.log.actor import Actor
from models.organisation import Organisation
from models.people.access import Role
from models.people.user import User
from models.settings import Settings
from models.transaction import transaction
from tests.support.invitations import enrol
from tests.web.conftest import Visitor
from worker import output

MY_API = "/orgs/acme/projects/web/containers/my-api"
OUTPUT = f"{MY_API}/output"
OF_FIRST = f"{MY_API}/deployments/1/output"
AT = "2026-11-26T19:00:00.5Z"


@pytest.fixture(autouse=True)
def _engine(app: object, monkeypatch: pytest.MonkeyPatch) -> None:
    """There is an engine, and whoever waits for an answer waits no longer than a test can."""
    with transaction():
        installation.report("Docker 28.2.2", datetime.now(UTC))
    monkeypatch.setattr("web.pages.deployments.PAGE_SECONDS", 0.2)


def read(container: Container, *texts: str, **more: object) -> None:
    """The runtime has read this."""
    found = Output([Line(AT, 1, text) for text in texts])._replace(**more)  # type: ignore[arg-type]
    output.hand_over(DeploymentKey(*container.key, 1), found)


def asked(settings: Settings) -> int:
    """How many questions wait for the runtime."""
    waiting: list[bytes] = Redis.from_url(settings.redis_url).lrange("activity-log-runtime", 0, -1)  # type: ignore[assignment]
    return sum(b"read_output" in each for each in waiting)


def test_lines_are_shown_as_they_were_written_and_asked_for_again(owner: Visitor, api: Container) -> None:
    read(api, "ready <b>& well</b>")
    for address in (OUTPUT, OF_FIRST):
        page = owner.get(address).text
        assert "ready &lt;b&gt;&amp; well&lt;/b&gt;" in page
        assert f'title="{AT}"' in page
        assert 'hx-trigger="every 3s"' in page


def test_who_has_seen_all_of_it_gets_nothing_and_of_what_is_new_everything(owner: Visitor, api: Container) -> None:
    read(api, "one")
    first = owner.fragment(OUTPUT)
    again = re.search(r'hx-get="([^"]+)"', first.text)
    assert again
    address = again[1].replace("&amp;", "&")
    assert owner.fragment(address).status_code == 204
    read(api, "one", "two")
    second = owner.fragment(address)

    assert "<html" not in second.text
    assert "two" in second.text


def test_a_hundred_who_look_are_one_question(owner: Visitor, api: Container, settings: Settings) -> None:
    for _ in range(5):
        assert "Reading…" in owner.fragment(OUTPUT).text

    assert asked(settings) == 1


@pytest.mark.parametrize(
    ("found", "told"),
    [
        ({}, "It has written nothing yet."),
        ({"is_there": False}, "Nothing of this revision is on the engine."),
        ({"problem": "The container engine does not answer."}, "The container engine does not answer."),
    ],
)
def test_why_there_are_no_lines_is_said(owner: Visitor, api: Container, found: dict[str, object], told: str) -> None:
    read(api, **found)

    assert told in owner.fragment(OUTPUT).text


def test_a_page_without_scripts_waits_for_an_answer_and_says_when_there_is_none(owner: Visitor, api: Container) -> None:
    page = owner.get(OUTPUT).text

    assert "The runtime process has not answered yet." in page
    assert "Read again" in page


def test_a_runtime_that_never_answers_is_told_after_a_few_questions(owner: Visitor, api: Container) -> None:
    assert "The runtime process has not answered yet." in owner.fragment(f"{OUTPUT}?seen=&tries=5").text


@pytest.mark.parametrize(("engine", "told"), [("none", "No container engine is set up"), ("Docker", "does not answer")])
def test_without_an_engine_nobody_is_asked(
    owner: Visitor, api: Container, settings: Settings, engine: str, told: str
) -> None:
    with transaction():
        installation.report(engine, datetime.now(UTC), "gone" if engine == "Docker" else None)

    assert told in owner.get(OUTPUT).text
    assert asked(settings) == 0


def test_a_broker_that_is_down_is_said(
    owner: Visitor, api: Container, app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(app.extensions, output.EXTENSION, Redis.from_url("redis://127.0.0.1:1"))
    found = owner.get(OUTPUT)

    assert found.status_code == 200
    assert "The queue to the runtime process does not answer." in found.text


def test_nodes_are_told_apart_where_there_are_several(owner: Visitor, api: Container) -> None:
    output.hand_over(DeploymentKey(*api.key, 1), Output([Line(AT, 1, "first"), Line(AT, 2, "second")]))
    page = owner.get(OUTPUT).text

    assert "<b>node 1</b> first" in page
    assert "<b>node 2</b> second" in page


def test_of_a_deployment_that_failed_the_last_lines_are_shown_without_asking(
    owner: Visitor, api: Container, settings: Settings
) -> None:
    with transaction():
        lease = deployment.claim(api.key, 1)
    assert lease
    with transaction():
        deployment.fail(lease, "it ended", output=Output([Line(AT, 1, "no such table")]))
    page = owner.get(f"{MY_API}/deployments/1").text

    assert "no such table" in page
    assert "The last lines before it was given up." in page
    assert 'hx-trigger="every' not in page
    assert "it ended" in page
    assert asked(settings) == 0


def test_once_it_has_ended_its_output_is_gone(owner: Visitor, api: Container, ada: Actor) -> None:
    read(api, "ready")
    with transaction():
        api.end(ada)

    assert "what it wrote is gone with it" in owner.get(OUTPUT).text
    assert "ready" not in owner.get(OF_FIRST).text
    assert 'id="output"' not in owner.get(MY_API).text


def test_viewers_and_auditors_see_the_deployment_or_nothing_and_never_its_output(
    visit: Callable[[str], Visitor], acme: Organisation, ada: Actor, people: dict[str, User], api: Container
) -> None:
    read(api, "ready")
    with transaction():
        enrol(acme, ada, people["mallory"], Role.AUDITOR)
    viewer, auditor = visit("vera"), visit("mallory")

    assert viewer.get(f"{MY_API}/deployments/1").status_code == 200
    assert 'id="output"' not in viewer.get(f"{MY_API}/deployments/1").text
    assert 'id="output"' not in viewer.get(MY_API).text
    assert viewer.get(OUTPUT).status_code == viewer.get(OF_FIRST).status_code == 403
    assert auditor.get(f"{MY_API}/deployments/1").status_code == auditor.get(OUTPUT).status_code == 403


def test_a_deployment_that_never_was_is_not_found(owner: Visitor, api: Container) -> None:
    for revision in (0, 2, 2**31 - 1, 2**40):
        assert owner.get(f"{MY_API}/deployments/{revision}").status_code == 404
        assert owner.get(f"{MY_API}/deployments/{revision}/output").status_code == 404


def test_looking_leaves_no_entry_and_nothing_readable(
    owner: Visitor, acme: Organisation, api: Container, settings: Settings
) -> None:
    read(api, "a line to be sealed")
    owner.get(OUTPUT)
    redis = Redis.from_url(settings.redis_url)
    [name] = redis.keys("output*1")

    assert b"a line" not in redis.get(name)  # type: ignore[operator]
    assert 0 < redis.ttl(name) <= output.KEPT_SECONDS
