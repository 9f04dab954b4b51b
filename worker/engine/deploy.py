"""Carrying out a deployment: bring a revision up under a lease, and tell how that ended."""

import logging
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from flask import current_app

from models.errors import Invalid, LeaseLost
from models.jobs import deployment
from models.jobs.deployment import DeploymentLease, Made, Mark
from models.kinds.specification import Specification
from models.sealed import CannotOpen
from models.system import desired
from models.system.desired import Wanted
from models.transaction import transaction
from worker.engine.faults import EngineFault
from worker.engine.interface import Attempt, CannotDeploy, Image, Location, Runtime, Tick
from worker.engine.output import last_words

log = logging.getLogger(__name__)
RENEW_SECONDS = 8


def deploy(runtime: Runtime, wanted: Wanted, revision: int) -> bool:
    """Bring a revision up, the newest or again the deployed one, and tell how that ended.

    False when it did not end here. Raises EngineDown.
    """
    with transaction():
        lease = deployment.claim(wanted.key, revision, lost=revision == wanted.deployed_revision)
    if lease is None:
        return False
    try:
        _bring_up(runtime, wanted, lease)
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


def _bring_up(runtime: Runtime, wanted: Wanted, lease: DeploymentLease) -> None:
    serving: set[int] = set()
    specification: Specification | None = None
    try:
        specification = _specification(lease)
        location = Location(wanted.key, wanted.project_id, wanted.handle)
        with transaction():
            deployment.hold_network(wanted.key.organisation_id, wanted.project_id)
            runtime.network(location)
        with _renewing(lease) as tick:
            made = _made(runtime, lease, specification, tick)
            mark = Mark(lease.stamp, made.specification_digest, made.image_id)
            serving |= _serving_nodes(runtime, lease, mark)
            if lease.made and len(serving) >= made.node_count:
                raise LeaseLost("it is there again: another worker was first")
            runtime.deploy(Attempt(location, lease.key.revision, lease.token, mark), specification, tick, serving)
    except (CannotDeploy, CannotOpen, Invalid) as failure:
        if lease.made is None and not lease.first and _is_served_unmarked(runtime, lease):
            log.warning("%s is not replaced yet, and goes on as the version before has made it: %s", lease, failure)
            with transaction():
                lease.release()
            return
        log.info("%s has failed: %s", lease, failure)
        said = last_words(runtime, lease.key, lease.stamp, specification) if specification and lease.first else None
        with transaction():
            deployment.fail(lease, str(failure), partly=bool(serving), output=said)
    except EngineFault as engines:
        log.warning("%s waits: %s", lease, engines)
        with transaction():
            deployment.put_off(lease, engines.fault, partly=bool(serving))
    else:
        with transaction():
            deployment.succeed(lease, made)


def _specification(lease: DeploymentLease) -> Specification:
    """What to run: just what served before, or what is wanted now. Raises LeaseLost, CannotOpen, Invalid."""
    if lease.made:
        return Specification.opened(lease.made.specification)
    key, revision = lease.key.resource, lease.key.revision
    specification = desired.specification(key, revision)
    if specification is None:
        raise LeaseLost(f"revision {revision} of {key.noun} {key.id} is not wanted any more")
    return specification


def _made(runtime: Runtime, lease: DeploymentLease, specification: Specification, tick: Tick) -> Made:
    """Have the image, and say what is going to be brought up. Raises CannotDeploy."""
    if lease.made:
        image = runtime.image(specification, tick, Image(lease.made.image_id, lease.made.image_digest))
        return lease.made._replace(image_id=image.id)
    image = runtime.image(specification, tick)
    of_it = specification.image, image.digest, specification.nodes
    return Made(specification.digest, image.id, *of_it, specification.sealed())


def _serving_nodes(runtime: Runtime, lease: DeploymentLease, mark: Mark) -> set[int]:
    """The nodes that serve already: the others got lost, or whoever brought these up has died."""
    found = [each for each in runtime.instances(key=lease.key.resource) if each.mark == mark and not each.coming]
    return {each.node for each in found if (each.is_up if lease.first else each.running)}


def _is_served_unmarked(runtime: Runtime, lease: DeploymentLease) -> bool:
    found = runtime.instances(key=lease.key.resource)
    return any(each.running and not each.mark.stamp and each.revision == lease.key.revision for each in found)


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
