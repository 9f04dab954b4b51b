"""Carrying out a deployment: bring a revision up under a lease, and tell how that ended."""

import logging
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from flask import current_app

from models.errors import Invalid, LeaseLost
from models.jobs import deployment
from models.jobs.deployment import DeploymentLease, Status
from models.sealed import CannotOpen
from models.system import desired
from models.system.desired import Wanted
from models.transaction import transaction
from worker.engine.interface import Attempt, CannotDeploy, Location, Runtime, Tick

log = logging.getLogger(__name__)
RENEW_SECONDS = 8


def deploy(runtime: Runtime, wanted: Wanted) -> bool:
    """Bring the wanted revision up, and tell how that ended; False when it did not end here. Raises EngineDown."""
    lost = wanted.deployment == Status.RUNNING
    with transaction():
        lease = deployment.claim(wanted.key, wanted.revision, lost)
    if lease is None:
        return False
    try:
        _bring_up(runtime, wanted, lease, _serving_nodes(runtime, wanted, lost))
    except LeaseLost as moot:
        log.info("%s", moot)
        with transaction():
            lease.release()
        return False
    except Exception:
        # The engine is gone, or we are at fault: later and later, and in the log of the process.
        with transaction():
            lease.release()
        raise
    return True


def _serving_nodes(runtime: Runtime, wanted: Wanted, lost: bool) -> set[int]:
    """The nodes that serve already: the others got lost, or whoever brought these up has died. Raises LeaseLost."""
    # One that no attempt is known of was made before attempts had names, and may never have come to serve.
    found = [each for each in runtime.instances(key=wanted.key) if each.serves(wanted.revision)]
    nodes = {each.node for each in found if lost or each.attempt}
    if lost and len(nodes) >= wanted.nodes:
        raise LeaseLost("it is there again: another worker was first")
    return nodes


def _bring_up(runtime: Runtime, wanted: Wanted, lease: DeploymentLease, serving: set[int]) -> None:
    location = Location(wanted.key, wanted.project_id, wanted.handle)
    try:
        specification = desired.specification(wanted.key, wanted.revision)
        if specification is None:
            raise LeaseLost(f"revision {wanted.revision} of {wanted.key.noun} {wanted.key.id} is not wanted any more")
        with transaction():
            deployment.hold_network(wanted.key.organisation_id, wanted.project_id)
            runtime.network(location)
        with _renewing(lease) as tick:
            runtime.deploy(Attempt(location, wanted.revision, lease.token), specification, tick, serving)
    except (CannotDeploy, CannotOpen, Invalid) as failure:
        with transaction():
            deployment.fail(lease, str(failure))
    else:
        with transaction():
            deployment.succeed(lease)


@contextmanager
def _renewing(lease: DeploymentLease) -> Iterator[Tick]:
    """Keep the lease while the block runs, however long the engine takes for an answer; it ends with this process.

    Yields a function that raises LeaseLost once the lease is someone else's.
    """
    app = current_app._get_current_object()  # type: ignore[attr-defined]  # what other threads open a context of
    over = threading.Event()
    lost: list[LeaseLost] = []
    renewed = [time.monotonic()]

    def renew() -> None:
        with app.app_context(), transaction():
            lease.renew()
        renewed.append(time.monotonic())

    def again_and_again() -> None:
        while not (lost or over.wait(RENEW_SECONDS)):
            try:
                renew()
            except LeaseLost as error:
                lost.append(error)
            except Exception:
                log.exception("a lease could not be renewed; it is tried again")

    def tick() -> None:
        if lost:
            raise lost[0]
        if time.monotonic() - renewed[-1] > 2 * RENEW_SECONDS:
            renew()  # this process was frozen: whose lease it is now is asked before anything else is done

    thread = threading.Thread(target=again_and_again, daemon=True)
    thread.start()
    try:
        yield tick
    finally:
        over.set()
        thread.join()
