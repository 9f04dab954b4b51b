"""What someone does on the engine by hand, behind our back, mends itself."""

from typing import Any

from bench.engine import Engine
from models.billing import suspension
from models.billing.suspension import By
from models.hold import hold_organisation_alone
from models.kinds.container import Container
from models.organisation import Organisation
from models.transaction import transaction
from tests.runtime.conftest import (
    change,
    converge,
    everything,
    fetch,
    observed,
    our_networks,
    platform_id,
    run_jobs,
    running,
)
from tests.support.log import entries, summaries
from worker.engine.docker import DockerEngine

PATIENT_SECONDS = 100
# By the signal that asks, which only what is not paused hears; not by the one that kills.
TERMINATED = 143


def test_one_that_someone_paused_goes_on(
    runtime: DockerEngine, engine: Engine, acme: Organisation, api: Container
) -> None:
    converge(runtime, api)
    [one] = running(engine)
    engine.api.pause(one["Id"])
    many = len(entries(acme))

    assert everything(runtime) == 1
    assert fetch(engine, one["Id"], "http://my-api:8080/") == "acme/web:1"
    assert observed(api) == ("running", 1)
    assert len(entries(acme)) == many


def test_one_that_someone_paused_is_stopped_and_removed_like_any_other(
    runtime: DockerEngine, engine: Engine, acme: Organisation, api: Container, ada: Any
) -> None:
    converge(runtime, api)
    [one] = running(engine)
    engine.api.pause(one["Id"])
    with transaction() as hints:
        suspension.suspend(hold_organisation_alone(acme.id), By.OPERATOR, "an unpaid invoice", actor=ada)
    run_jobs(hints)
    everything(runtime)
    state = engine.api.inspect_container(one["Id"])["State"]
    assert (state["Status"], state["ExitCode"]) == ("exited", TERMINATED)

    with transaction() as hints:
        suspension.resume(hold_organisation_alone(acme.id), "paid", actor=ada)
    run_jobs(hints)
    everything(runtime)
    engine.api.pause(one["Id"])
    change(api, ada, image="acme/web:2")
    converge(runtime, api)
    [two] = engine.ours()
    assert fetch(engine, str(two["Id"]), "http://my-api:8080/") == "acme/web:2"


def test_one_that_cannot_be_started_any_more_is_made_anew(
    runtime: DockerEngine, engine: Engine, api: Container
) -> None:
    converge(runtime, api)
    [one] = running(engine)
    [network] = our_networks(engine)
    engine.api.stop(one["Id"], timeout=0)
    engine.api.remove_network(network["Id"])
    everything(runtime)
    everything(runtime)

    [two] = running(engine)
    assert fetch(engine, two["Id"], "http://my-api:8080/") == "acme/web:1"
    assert observed(api) == ("running", 1)


def test_an_image_without_a_shell_says_so_at_once(engine: Engine, acme: Organisation, api: Container, ada: Any) -> None:
    patient = DockerEngine(engine.host, platform_id(), 10 * PATIENT_SECONDS)
    change(api, ada, image="acme/bare:1", health_path="/health")
    converge(patient, api)

    assert summaries(acme)[-1] == "Container my-api failed to deploy: health check failed: the image has no shell"
