"""What pages say of deployments and of the engine, whatever state either is in."""

from datetime import UTC, datetime, timedelta
from html import unescape

import psycopg
import pytest

from models import installation
from models.jobs import deployment, observation, watch
from models.jobs.fault import Fault
from models.jobs.observation import Observed
from models.jobs.watch import Vitals
from models.kinds.container import Container
from models.log.actor import Actor
from models.organisation import Organisation
from models.system import watching
from models.system.watching import Looked
from models.transaction import transaction
from tests.support.deployments import DIGEST, SHOWN, deployed, made
from tests.support.log import latest_entry, summaries
from tests.web.conftest import Visitor

MY_API = "/orgs/acme/projects/web/containers/my-api"


def reported(engine: str, error: str | None = None) -> None:
    """The worker's last word."""
    with transaction():
        installation.report(engine, datetime.now(UTC), error)


@pytest.mark.parametrize("address", ["/orgs/acme", "/orgs/acme/projects/web", MY_API])
def test_a_page_says_when_nothing_is_run_and_why(
    owner: Visitor, api: Container, address: str, superuser: psycopg.Connection
) -> None:
    assert "No container engine has been reported yet" in owner.get(address).text
    reported("none")
    assert "No container engine is set up" in owner.get(address).text
    reported("Docker", "nothing listens there")
    assert "does not answer: nothing listens there." in owner.get(address).text
    reported("Docker 28.2.2")
    assert 'id="engine"' not in owner.get(address).text
    superuser.execute("UPDATE platform SET engine_seen_at = now() - interval '4 minutes'")
    assert "has not reported since" in owner.get(address).text


def asked_again(text: str) -> tuple[str, str]:
    """Where the deployments on a page ask for themselves again, and when."""
    section = text.split('<section class="deployments"')[1].split(">")[0]
    address, trigger = (unescape(section.split(f'{each}="')[1].split('"')[0]) for each in ("hx-get", "hx-trigger"))
    return address, trigger


def test_a_deployment_under_way_is_asked_for_soon_and_sent_once_it_is_another(
    owner: Visitor, acme: Organisation, api: Container, ada: Actor
) -> None:
    reported("Docker 28.2.2")
    address, trigger = asked_again(owner.get(MY_API).text)
    assert address.startswith(f"{MY_API}/deployments?")
    assert "every 2s" in trigger
    assert owner.fragment(address).status_code == 204
    deployed(api.key, 1)
    fragment = owner.fragment(address)

    assert "<html" not in fragment.text
    assert '<p id="headline" hx-swap-oob="innerHTML">Running nginx:1.27</p>' in fragment.text
    assert "my-api:8080" in fragment.text
    address, trigger = asked_again(fragment.text)
    assert trigger == "every 15s"
    assert owner.fragment(address).status_code == 204
    with transaction():
        api.end(ada)
    assert "hx-trigger" not in owner.get(MY_API).text.split('<section class="deployments"')[1].split(">")[0]


def test_what_happens_to_something_that_runs_is_shown_without_a_new_deployment(owner: Visitor, api: Container) -> None:
    reported("Docker 28.2.2")
    deployed(api.key, 1)
    address, _ = asked_again(owner.get(MY_API).text)
    with transaction():
        observation.observe([Observed(api.key, 1, "error", "restarting: 3 times in 9 s, last exit 1")])
    fragment = owner.fragment(address)

    assert 'hx-swap-oob="innerHTML">Restarting: 3 times in 9 s, last exit 1</p>' in fragment.text


def test_the_page_of_deployments_is_a_page_for_whoever_asks_without_a_script(owner: Visitor, api: Container) -> None:
    page = owner.get(f"{MY_API}/deployments").text

    assert "<html" in page
    assert 'id="headline"' in page
    assert "few=1" not in asked_again(page)[0]


def test_without_an_engine_a_deployment_is_planned_and_never_claimed(owner: Visitor, api: Container) -> None:
    reported("none")
    page = owner.get(MY_API).text

    assert "load delay" not in asked_again(page)[1]
    assert "state-planned" in page
    assert "not run" in page


def test_a_failure_and_what_serves_meanwhile_are_both_shown(
    owner: Visitor, api: Container, ada: Actor, superuser: psycopg.Connection
) -> None:
    reported("Docker 28.2.2")
    for revision in (1, 2):
        if revision == 2:
            with transaction():
                api.update(ada, api.version, image="acme:9")
        with transaction():
            lease = deployment.claim(api.key, revision)
        assert lease
        with transaction():
            if revision == 1:
                deployment.succeed(lease, made())
            else:
                deployment.fail(lease, "<script>alert(1)</script> not found")
    page = owner.fragment(f"{MY_API}/deployments").text

    assert "revision 2, acme:9" in page
    assert "revision 1" in page
    assert "&lt;script&gt;" in page
    assert "<script>" not in page


def test_many_deployments_are_listed_in_pages(owner: Visitor, api: Container, ada: Actor) -> None:
    for number in range(23):
        with transaction():
            api.update(ada, api.version, port=1000 + number)
    first = owner.get(f"{MY_API}/deployments").text
    assert "Revision 24<" in first
    assert "Revision 14<" not in first
    assert f"{MY_API}/deployments?before=15" in first
    second = owner.get(f"{MY_API}/deployments?before=15").text
    assert "Revision 14<" in second
    for broken in ("-1", "x", "9" * 30, "%00"):
        assert owner.get(f"{MY_API}/deployments?before={broken}").status_code == 200


def test_a_page_shows_three_deployments_and_leads_to_all(owner: Visitor, api: Container, ada: Actor) -> None:
    for port in (1001, 1002):
        with transaction():
            api.update(ada, api.version, port=port)
    assert owner.get(MY_API).text.count('class="item deployment"') == 3
    assert "All 3 deployments" not in owner.get(MY_API).text
    with transaction():
        api.update(ada, api.version, port=1003)
    page = owner.get(MY_API).text
    shown = owner.fragment(asked_again(page)[0].replace("seen=", "seen=x")).text

    for each in (page, shown):
        assert each.count('class="item deployment"') == 3
        assert f'<a class="older" href="{MY_API}/deployments">All 4 deployments</a>' in each
    assert owner.get(f"{MY_API}/deployments").text.count('class="item deployment"') == 4


def test_what_waits_for_the_engine_says_so_on_its_page_and_makes_no_entry(
    owner: Visitor, acme: Organisation, api: Container
) -> None:
    reported("Docker 28.2.2")
    told = len(summaries(acme))
    with transaction():
        lease = deployment.claim(api.key, 1)
    assert lease
    with transaction():
        deployment.put_off(lease, Fault.DISK_FULL)
    page = owner.get(MY_API).text

    assert "it waits, since the disk of the container engine is full, and is tried again" in page
    assert 'data-status="provisioning"' in page
    assert len(summaries(acme)) == told
    assert '"engine":"degraded"' in owner.get("/healthz").text


def test_what_fails_is_in_error_on_its_page_and_counted_on_the_dashboard(
    owner: Visitor, acme: Organisation, api: Container
) -> None:
    deployed(api.key, 1)
    assert "failing" not in owner.get("/orgs/acme").text
    now = datetime.now(UTC)
    told = watch.look(None, 1, {"a"}, [Vitals("a", now, 8, 137, now)], now)
    assert told
    with transaction():
        watching.remember([Looked(api.key, None, told)], now)
        observation.observe([Observed(api.key, 1, "error", told.describe(now))])

    assert "restarting: 8 times in 0 s, last exit 137, out of memory" in owner.get(MY_API).text
    assert "1 failing" in owner.get("/orgs/acme").text
    entry = latest_entry(acme)
    assert entry.summary == (
        "Container my-api began to fail: it restarted 8 times in 0 s, last exit 137, out of memory"
    )
    assert (entry.actor_name, entry.cause_number) == ("system", entry.number - 2)


def test_two_who_look_at_the_same_time_tell_it_once(acme: Organisation, api: Container) -> None:
    deployed(api.key, 1)
    now = datetime.now(UTC)
    told = watch.look(None, 1, {"a"}, [Vitals("a", now, 8)], now)
    assert told
    for _ in range(2):
        with transaction():
            watching.remember([Looked(api.key, None, told)], now)

    assert len([each for each in summaries(acme) if "began to fail" in each]) == 1


def test_an_entry_shows_which_revision_took_over(owner: Visitor, acme: Organisation, api: Container) -> None:
    deployed(api.key, 1)
    page = owner.get(f"/orgs/acme/activity/{latest_entry(acme).number}").text

    assert f"Container my-api deployed nginx:1.27 ({SHOWN})" in page
    assert "Image digest" in page
    assert DIGEST in page
    assert "Deployed revision" in page
    assert "Container my-api created" in page


def test_a_tag_that_has_moved_since_the_last_deployment_is_pointed_out(
    owner: Visitor, acme: Organisation, api: Container, ada: Actor
) -> None:
    other = "sha256:" + "9c1d" * 16
    deployed(api.key, 1)
    with transaction():
        api.redeploy(ada)
    deployed(api.key, 2, digest=other)
    page = owner.get(MY_API).text

    told = f"Container my-api deployed nginx:1.27 (sha256:9c1d9c1d9c1d…, no longer {SHOWN})"
    assert latest_entry(acme).summary == told
    assert latest_entry(acme).changes["image_digest"] == [DIGEST, other]
    assert f'title="{other}"' in page
    assert "not the same as last time" in page


def test_a_report_is_as_old_as_it_is(app: object) -> None:
    reported("none")
    seen = installation.engine().seen_at
    assert seen
    assert datetime.now(UTC) - seen < timedelta(seconds=30)


def test_one_line_in_the_head_says_what_was_observed(
    owner: Visitor, api: Container, ada: Actor, superuser: psycopg.Connection
) -> None:
    def headline() -> str:
        return unescape(owner.get(MY_API).text.split('id="headline" role="status">')[1].split("</p>")[0])

    reported("none")
    assert headline() == "Not running: no engine"
    reported("Docker 28.2.2")
    assert headline() == "Being deployed"
    deployed(api.key, 1)
    assert headline() == "Running nginx:1.27"
    with transaction():
        api.update(ada, api.version, image="nginx:1.28")
    assert headline() == "Running nginx:1.27; deploying nginx:1.28"
    with transaction():
        lease = deployment.claim(api.key, 2)
        assert lease
        deployment.fail(lease, "there is no such image")
    assert headline() == "Running nginx:1.27; nginx:1.28 failed: there is no such image"
    for reason, told in (
        ("image not found", "Failed: image not found"),
        ("restarting: 8 times in 100 s, last exit 137", "Restarting: 8 times in 100 s, last exit 137"),
        ("up again for 3 min, after it restarted once", "Up again for 3 min, after it restarted once"),
        ("", "Failed"),
    ):
        superuser.execute("UPDATE containers SET status = 'error', status_reason = %s", [reason])
        assert headline() == told
    superuser.execute("UPDATE containers SET status = 'running'")
    reported("Docker 28.2.2", "nothing listens there")
    assert headline() == "Not observed any more: the engine does not answer"


def test_deploying_the_same_again_is_told_from_a_change(owner: Visitor, api: Container, ada: Actor) -> None:
    reported("Docker 28.2.2")
    deployed(api.key, 1)
    with transaction():
        api.redeploy(ada)

    assert "Running nginx:1.27; deploying it again</p>" in owner.get(MY_API).text
