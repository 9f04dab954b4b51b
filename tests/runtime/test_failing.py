"""Containers that came up and then fail: told once, on the page and in the log, and that they have recovered too."""

import re
from datetime import timedelta
from typing import Any

import pytest

from bench import images
from bench.engine import Engine
from models.billing import suspension
from models.billing.suspension import By
from models.database import db
from models.hold import hold_organisation_alone
from models.kinds.container import Container
from models.log.actor import Actor
from models.organisation import Organisation
from models.overview import overview
from models.project import Project
from models.transaction import transaction
from tests.runtime.conftest import change, containers_named, converge, everything, observed, ran, run_jobs, running
from tests.support.log import entries, latest_entry, summaries
from tests.support.processes import until
from worker.engine.docker import DockerEngine

ENDS = "sleep 3; exit 7"
# Once: what ends again and again is told for that alone.
EXHAUSTS = "[ -e /www/again ] && exec httpd -f -p 8080 -h /www; : > /www/again; sleep 3; exec tail /dev/zero"
CALM = timedelta(minutes=11)


def told(acme: Organisation, what: str) -> list[str]:
    """The entries that say so."""
    return [each for each in summaries(acme) if what in each]


def watched(runtime: DockerEngine, acme: Organisation, what: str, times: int = 1) -> bool:
    """Does a round; whether the log says so by now."""
    everything(runtime)
    return len(told(acme, what)) >= times


def reason(container: Container) -> str:
    """What its page says."""
    db.session.refresh(container)
    found = container.status_reason
    db.session.rollback()
    return found


def failing(web: Project, ada: Any, engine: Engine, script: str) -> Container:
    """A container of an image that comes up and does not last."""
    images.make(engine.api, "acme/fails:1", ["sh", "-c", script])
    with transaction():
        return web.create(ada, Container, name="fails", handle="fails", image="acme/fails:1", memory_mib=64)


def test_one_that_ends_again_and_again_is_told_once(
    runtime: DockerEngine, engine: Engine, acme: Organisation, web: Project, ada: Any
) -> None:
    fails = failing(web, ada, engine, ENDS)
    converge(runtime, fails)
    until(lambda: watched(runtime, acme, "began to fail"))

    entry = latest_entry(acme)
    assert re.fullmatch(
        r"Container fails began to fail: it restarted \d+ times in \d+ (s|min), last exit 7", entry.summary
    )
    assert (entry.actor_name, entry.action, entry.cause_number) == ("system", "update", entry.number - 2)
    assert observed(fails) == ("error", 1)
    assert re.fullmatch(r"restarting: \d+ times in \d+ (s|min), last exit 7", reason(fails))
    assert overview(acme.id).failing["container"] == 1
    before = len(entries(acme))
    for _ in range(5):
        everything(runtime)
    assert len(entries(acme)) == before


def test_one_that_runs_out_of_memory_after_it_came_up_is_told_at_once_and_so(
    runtime: DockerEngine, engine: Engine, acme: Organisation, web: Project, ada: Any
) -> None:
    fails = failing(web, ada, engine, EXHAUSTS)
    converge(runtime, fails)
    until(lambda: watched(runtime, acme, "began to fail") and "last exit 137, out of memory" in reason(fails))

    assert len(told(acme, "out of memory")) == 1


def test_a_new_deployment_that_is_well_begins_anew(
    runtime: DockerEngine, engine: Engine, acme: Organisation, web: Project, ada: Any
) -> None:
    fails = failing(web, ada, engine, ENDS)
    converge(runtime, fails)
    until(lambda: watched(runtime, acme, "began to fail"))
    change(fails, ada, image="acme/web:1")
    converge(runtime, fails)
    assert observed(fails) == ("running", 2)
    everything(runtime, later=CALM)

    assert observed(fails) == ("running", 2)
    assert latest_entry(acme).summary.startswith("Container fails deployed acme/web:1")


def test_a_health_check_that_fails_and_is_well_again_makes_two_entries(
    runtime: DockerEngine, engine: Engine, acme: Organisation, api: Container, ada: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("worker.engine.health.INTERVAL_SECONDS", 1)
    change(api, ada, health_path="/health")
    converge(runtime, api)
    [one] = running(engine)
    ran(engine, one["Id"], ["rm", "/www/health"])
    until(lambda: watched(runtime, acme, "began to fail"))
    assert latest_entry(acme).summary == "Container my-api began to fail: it failed its health check"
    assert reason(api) == "its health check fails"

    ran(engine, one["Id"], ["sh", "-c", "echo well > /www/health"])
    until(lambda: health(engine, one["Id"]) == "healthy")
    everything(runtime)
    assert observed(api) == ("error", 2)
    everything(runtime, later=CALM)
    assert observed(api) == ("running", 2)
    assert latest_entry(acme).summary.startswith("Container my-api has recovered after ")
    assert latest_entry(acme).summary.endswith(": it failed its health check")
    assert len(told(acme, "began to fail")) == len(told(acme, "has recovered")) == 1


def test_what_is_suspended_does_not_fail(
    runtime: DockerEngine, engine: Engine, acme: Organisation, web: Project, ada: Actor
) -> None:
    fails = failing(web, ada, engine, ENDS)
    containers_named(web, ada, "well")
    until(lambda: watched(runtime, acme, "began to fail"))
    assert overview(acme.id).failing["container"] == 1
    with transaction() as hints:
        suspension.suspend(hold_organisation_alone(acme.id), By.OPERATOR, "an unpaid invoice", actor=ada)
    run_jobs(hints)
    many = len(entries(acme))
    for _ in range(3):
        everything(runtime, later=CALM)

    assert len(entries(acme)) == many
    assert observed(fails) == ("stopped", 1)
    assert overview(acme.id).failing["container"] == 0


def health(engine: Engine, container: str) -> str:
    """What the engine thinks of it."""
    return str(engine.api.inspect_container(container)["State"]["Health"]["Status"])
