"""Make an engine run what should run. Running it twice, or twice at once, changes nothing.

Always the engine first and what is wanted second: a row is committed before anything of it is started, so nothing that
was seen on the engine is unknown to us only because it is too new.
"""

import logging
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import islice
from typing import NamedTuple

from flask import Flask, current_app

from models import installation
from models.errors import LeaseLost
from models.jobs import deployment, observation
from models.jobs.deployment import DeploymentLease
from models.jobs.observation import Observed, ResourceKey
from models.sealed import CannotOpen
from models.system import desired
from models.system.desired import Wanted
from models.transaction import transaction
from worker.engine.interface import CannotDeploy, EngineDown, Instance, Network, NoEngine, Place, Refused, Runtime, Tick
from worker.engine.slots import Rounds, Turns

log = logging.getLogger(__name__)
AT_ONCE = 16
RENEW_SECONDS = 8
# Of the sixteen threads that `activity-log runtime` has; one more is for the round over everything.
DEPLOYING_MOST, OF_ONE_MOST, KEPT_FOR_OTHERS = 6, 3, 2
ROUNDS_MOST = 4
# A round over thousands takes minutes: what was planned longer ago than this is looked at again before it is done.
FRESH_SECONDS = 5
WRITTEN_TOGETHER = 64
Call = Callable[[ResourceKey], object]


TURNS = Turns(DEPLOYING_MOST, OF_ONE_MOST, KEPT_FOR_OTHERS)
ROUNDS = Rounds(ROUNDS_MOST)


class Plan(NamedTuple):
    """What is to be done about one thing, and what will be seen of it then."""

    remove: list[Instance]
    stop: list[Instance]
    start: list[Instance]
    deploy: bool
    status: str | None
    reason: str = ""


Planned = tuple[ResourceKey, Wanted | None, Plan]


def plan(wanted: Wanted | None, found: list[Instance]) -> Plan:
    """Compare what is wanted of one thing with what the engine has of it."""
    if wanted is None or wanted.ended:
        return Plan(found, [], [], False, None)
    provisioning = wanted.deployment == deployment.Status.PROVISIONING
    kept = {wanted.deployed_revision, wanted.revision if provisioning else None}
    # What is newer than what we read was deployed since then. What is coming up is left to who works on it, and is no
    # good to anyone when nobody does: it has neither its name nor a restart policy.
    remove = [
        each
        for each in found
        if each.revision <= wanted.revision
        and (each.revision not in kept or (each.coming and not (wanted.leased and each.revision == wanted.revision)))
    ]
    mine = [each for each in found if each.serves(wanted.deployed_revision)]
    if wanted.state == "suspended":
        # What is coming up, too: it may serve by now, and is then not found under the name by which it is removed.
        running = [each for each in found if each.running and (each.coming or each not in remove)]
        return Plan(remove, running, [], False, "stopped")
    if not wanted.in_place:
        # Its cascade is about to suspend or end it.
        return Plan([], [], [], False, wanted.status, wanted.status_reason)
    status, reason = _seen(wanted, mine)
    lost = wanted.deployed_revision == wanted.revision and len(mine) < wanted.nodes
    if any(each.coming and each.revision == wanted.deployed_revision for each in found):
        # It may have come up since the engine was asked: `_deploy` asks again, and nothing else is said meanwhile.
        status, reason = wanted.status, wanted.status_reason
    start = [each for each in mine if not each.running]
    return Plan(remove, [], start, (provisioning or lost) and wanted.due, status, reason)


def _seen(wanted: Wanted, mine: list[Instance]) -> tuple[str | None, str]:
    if wanted.deployed_revision is None:
        if wanted.deployment == deployment.Status.PROVISIONING:
            return "provisioning", ""
        return wanted.status, wanted.status_reason
    if trouble := next((each.trouble for each in mine if each.trouble), ""):
        return "error", trouble
    if not mine and wanted.deployed_revision != wanted.revision:
        return "error", f"revision {wanted.deployed_revision} is gone from the engine; deploy again"
    if len(mine) < wanted.nodes and wanted.deployed_revision == wanted.revision:
        return ("error", wanted.status_reason) if wanted.status == "error" else ("provisioning", "")
    return "running", ""


def settle(runtime: Runtime, key: ResourceKey) -> bool:
    """Make the engine run what should run of one thing; False when its deployment has to wait for a turn.

    Raises EngineDown.
    """
    if isinstance(runtime, NoEngine):
        return True
    found = runtime.instances(key=key)
    wanted = desired.one(key)
    todo = plan(wanted, found)
    _carry_out(runtime, [(key, wanted, todo)])
    if wanted is None or not todo.deploy:
        return True
    with TURNS.take(key) as granted:
        if granted:
            _deploy(runtime, wanted)
    return granted


def everything(runtime: Runtime, organisation_id: int | None = None, call: Call | None = None) -> int:
    """The same for all there is, or all of an organisation; returns how many things it did something about.

    `call` asks for the deployments that are due and have a turn; without it all of them are done here, one after the
    other. Raises EngineDown.
    """
    with transaction():
        deployment.cancel_ended(organisation_id)
    if isinstance(runtime, NoEngine):
        return 0
    networks = runtime.networks(organisation_id)
    plans = _plans(runtime, organisation_id)
    if call is not None:
        # Before the rest: a thousand removals would hold them up.
        _call(plans, call)
    _carry_out(runtime, plans)
    if call is None:
        for thing in _due(plans):
            _deploy(runtime, thing)
    kept = desired.places_of_projects(organisation_id)
    for network in networks:
        if (network.organisation_id, network.project_id) not in kept:
            _remove_network(runtime, network)
    return sum(_acts(todo) or todo.deploy for _, _, todo in plans)


def call_due(runtime: Runtime, organisation_id: int | None, call: Call) -> None:
    """Ask for the deployments that are due and have a turn, and leave the rest to the round that is being done."""
    _call(_plans(runtime, organisation_id), call)


def report(runtime: Callable[[], Runtime]) -> Runtime | None:
    """Say which engine there is, for the pages to show; None when it does not answer."""
    try:
        found = runtime()
        name = found.name()
    except EngineDown as down:
        if installation.engine().error != str(down):
            log.warning("the engine does not answer: %s", down)  # once, and not twice a minute
        with transaction():
            installation.report("Docker", str(down))
        return None
    with transaction():
        installation.report(name)
    return found


def _plans(runtime: Runtime, organisation_id: int | None) -> list[Planned]:
    found: dict[ResourceKey, list[Instance]] = defaultdict(list)
    for each in runtime.instances(organisation_id):
        found[each.key].append(each)
    wanted = {each.key: each for each in desired.everything(found.keys(), organisation_id)}
    return [(key, wanted.get(key), plan(wanted.get(key), found[key])) for key in found.keys() | wanted.keys()]


def _due(plans: list[Planned]) -> list[Wanted]:
    return [wanted for _, wanted, todo in plans if todo.deploy and wanted is not None]


def _call(plans: list[Planned], call: Call) -> None:
    for each in _due(plans):
        TURNS.wait(each.key)
    for key in TURNS.ready():
        call(key)


def _app() -> Flask:
    """What other threads open a context of."""
    app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]
    return app


def _carry_out(runtime: Runtime, plans: list[Planned]) -> None:
    """Stop, start and remove what is planned, and write down what is seen then."""
    app = _app()
    planned_at = time.monotonic()

    def act(planned: Planned) -> Observed | None:
        if time.monotonic() - planned_at > FRESH_SECONDS:
            with app.app_context():
                if not _is_still_so(*planned):
                    return None
        return _act(runtime, *planned)

    with ThreadPoolExecutor(AT_ONCE) as hands:
        # Each in its own thread: removing a hundred takes as long as the slowest few, not as their sum.
        done = hands.map(act, plans)
        while some := list(islice(done, WRITTEN_TOGETHER)):
            if seen := [each for each in some if each is not None]:
                with transaction():
                    observation.observe(seen)


def _acts(todo: Plan) -> bool:
    return bool(todo.remove or todo.stop or todo.start)


def _is_still_so(key: ResourceKey, planned: Wanted | None, todo: Plan) -> bool:
    """Whether what is wanted of a thing is what the plan was made for; what has changed has its own hint."""
    if planned is None or not _acts(todo):
        return True
    now = desired.one(key)
    return now is not None and _decided(now) == _decided(planned)


def _decided(wanted: Wanted) -> tuple[object, ...]:
    """What a plan depends on, apart from how far a deployment is."""
    return wanted.state, wanted.ended, wanted.in_place, wanted.revision, wanted.deployed_revision


def _remove_network(runtime: Runtime, network: Network) -> None:
    place = network.organisation_id, network.project_id
    try:
        with transaction():
            # Nobody prepares the project meanwhile; and what was asked for in it since it was looked at is seen.
            deployment.hold_network(*place)
            if place not in desired.places_of_projects(network.organisation_id):
                runtime.remove_network(network)
    except Refused as refused:
        log.warning("the network of project %d stays: %s", network.project_id, refused)


def _act(runtime: Runtime, key: ResourceKey, wanted: Wanted | None, todo: Plan) -> Observed | None:
    """Stop, start and remove; what will be seen of it then, when that is news."""
    reason, status = todo.reason, todo.status
    for verb, instances in ((runtime.stop, todo.stop), (runtime.start, todo.start), (runtime.remove, todo.remove)):
        for each in instances:
            try:
                verb(each)
            except Refused as refused:
                # One that cannot be removed must not keep the others from what they need.
                log.warning("%s %s: %s", key.noun, key.id, refused)
                status, reason = "error", str(refused)
    if wanted is None:
        log.warning("removed %d containers that bear our labels and belong to nothing we know", len(todo.remove))
        return None
    if (status, reason) == (wanted.status, wanted.status_reason) and not (wanted.ended and wanted.deployed_revision):
        return None
    return Observed(key, wanted.deployed_revision, status, reason, before=(wanted.status, wanted.status_reason))


def _deploy(runtime: Runtime, wanted: Wanted) -> None:
    """Bring the wanted revision up, tell how that ended, and remove what it replaces. Raises EngineDown."""
    lost = wanted.deployment == deployment.Status.RUNNING
    with transaction():
        lease = deployment.claim(wanted.key, wanted.revision, lost)
    if lease is None:
        return
    try:
        # Nodes that serve already: the others got lost, or whoever brought these up has died.
        # One that no attempt is known of was made before attempts had names, and may never have come to serve.
        found = [each for each in runtime.instances(key=wanted.key) if each.serves(wanted.revision)]
        there = {each.node for each in found if lost or each.attempt}
        if lost and len(there) >= wanted.nodes:
            raise LeaseLost("it is there again: another worker was first")
        _bring_up(runtime, wanted, lease, there)
    except LeaseLost as moot:
        log.info("%s", moot)
        with transaction():
            lease.release()
    except Exception:
        # The engine is gone, or we are at fault: later and later, and in the log of the process.
        with transaction():
            lease.release()
        raise


@contextmanager
def _renewed(lease: DeploymentLease) -> Iterator[Tick]:
    """Keep the lease while the block runs, however long the engine takes for an answer; it ends with this process.

    The tick raises LeaseLost once it is someone else's.
    """
    app = _app()
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

    renewing = threading.Thread(target=again_and_again, daemon=True)
    renewing.start()
    try:
        yield tick
    finally:
        over.set()
        renewing.join()


def _bring_up(runtime: Runtime, wanted: Wanted, lease: DeploymentLease, there: set[int]) -> None:
    place = Place(wanted.key, wanted.project_id, wanted.handle)
    try:
        specification = desired.specification(wanted.key, wanted.revision)
        if specification is None:
            raise LeaseLost(f"revision {wanted.revision} of {wanted.key.noun} {wanted.key.id} is not wanted any more")
        with transaction():
            deployment.hold_network(wanted.key.organisation_id, wanted.project_id)
            runtime.network(place)
        with _renewed(lease) as tick:
            runtime.deploy(place, wanted.revision, lease.token, specification, tick, there)
    except (CannotDeploy, CannotOpen) as failure:
        with transaction():
            deployment.fail(lease, str(failure))
    else:
        with transaction():
            deployment.succeed(lease)
    found = runtime.instances(key=wanted.key)
    now = desired.one(wanted.key)
    _carry_out(runtime, [(wanted.key, now, plan(now, found))])
