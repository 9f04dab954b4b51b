"""Make an engine run what should run. Running it twice, or twice at once, changes nothing.

Always the engine first and what is wanted second: a row is committed before anything of it is started, so nothing that
was seen on the engine is unknown to us only because it is too new.
"""

import logging
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import NamedTuple

from flask import current_app

from models import deployment, desired, platform
from models.deployment import Lease, Observed, ResourceKey
from models.desired import Wanted
from models.errors import LeaseLost
from models.sealed import CannotOpen
from models.transaction import transaction
from worker.runtime import CannotDeploy, EngineDown, Instance, NoEngine, Place, Refused, Runtime, Tick

log = logging.getLogger(__name__)
AT_ONCE = 16
RENEW_SECONDS = 8
# Of the eight threads that `activity-log runtime` has.
DEPLOYING_MOST, OF_ONE_MOST = 6, 3
Call = Callable[[ResourceKey], None]


class Turns:
    """How many deployments this process works on at once: in all, so that rounds over everything always find a thread,
    and of one organisation, so that slow registries of one do not hold up the others.
    """

    def __init__(self, most: int, of_one_most: int) -> None:
        self._most, self._of_one_most = most, of_one_most
        self._taken: Counter[int] = Counter()
        self._lock = threading.Lock()

    @contextmanager
    def take(self, organisation_id: int) -> Iterator[bool]:
        """Whether there is a turn for it now; given back at the end of the block."""
        with self._lock:
            granted = self._taken.total() < self._most and self._taken[organisation_id] < self._of_one_most
            self._taken[organisation_id] += granted
        try:
            yield granted
        finally:
            with self._lock:
                self._taken[organisation_id] -= granted
                self._taken += Counter()  # forgets who has none


TURNS = Turns(DEPLOYING_MOST, OF_ONE_MOST)


class Plan(NamedTuple):
    """What is to be done about one thing, and what will be seen of it then."""

    remove: list[Instance]
    stop: list[Instance]
    start: list[Instance]
    deploy: bool
    status: str | None
    reason: str = ""


def plan(wanted: Wanted | None, found: list[Instance]) -> Plan:
    """Compare what is wanted of one thing with what the engine has of it."""
    if wanted is None or wanted.ended:
        return Plan(found, [], [], False, None)
    provisioning = wanted.deployment == deployment.Status.PROVISIONING
    kept = {wanted.deployed_revision, wanted.revision if provisioning else None}
    # What is newer than what we read was deployed since then.
    remove = [each for each in found if each.revision not in kept and each.revision <= wanted.revision]
    mine = [each for each in found if each.revision == wanted.deployed_revision]
    if wanted.state == "suspended":
        running = [each for each in found if each.running and each not in remove]
        return Plan(remove, running, [], False, "stopped")
    if not wanted.in_place:
        # Its cascade is about to suspend or end it.
        return Plan([], [], [], False, wanted.status, wanted.status_reason)
    status, reason = _seen(wanted, mine)
    lost = wanted.deployed_revision == wanted.revision and len(mine) < wanted.nodes
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
    if not todo.deploy:
        _carry_out(runtime, [(key, wanted, todo)])
        return True
    with TURNS.take(key.organisation_id) as granted:
        _carry_out(runtime, [(key, wanted, todo._replace(deploy=granted))])
    return granted


def everything(runtime: Runtime, organisation_id: int | None = None, call: Call | None = None) -> int:
    """The same for all there is, or all of an organisation; returns how many things it did something about.

    `call` asks for the deployments that are due; without it they are done here, one after the other. Raises EngineDown.
    """
    with transaction():
        deployment.cancel_ended(organisation_id)
    if isinstance(runtime, NoEngine):
        return 0
    networks = runtime.networks(organisation_id)
    found: dict[ResourceKey, list[Instance]] = defaultdict(list)
    for each in runtime.instances(organisation_id):
        found[each.key].append(each)
    wanted = {each.key: each for each in desired.everything(found.keys(), organisation_id)}
    plans = [(key, wanted.get(key), plan(wanted.get(key), found[key])) for key in found.keys() | wanted.keys()]
    _carry_out(runtime, plans, call)
    kept = desired.places_of_projects(organisation_id)
    for network in networks:
        if (network.organisation_id, network.project_id) not in kept:
            try:
                runtime.remove_network(network)
            except Refused as refused:
                log.warning("the network of project %d stays: %s", network.project_id, refused)
    return sum(bool(each.remove or each.stop or each.start or each.deploy) for _, _, each in plans)


def report(runtime: Callable[[], Runtime]) -> Runtime | None:
    """Say which engine there is, for the pages to show; None when it does not answer."""
    try:
        found = runtime()
        name = found.name()
    except EngineDown as down:
        if platform.engine().error != str(down):
            log.warning("the engine does not answer: %s", down)  # once, and not twice a minute
        with transaction():
            platform.report("Docker", str(down))
        return None
    with transaction():
        platform.report(name)
    return found


def _carry_out(
    runtime: Runtime, plans: Iterable[tuple[ResourceKey, Wanted | None, Plan]], call: Call | None = None
) -> None:
    plans = list(plans)
    with ThreadPoolExecutor(AT_ONCE) as hands:
        # Each in its own thread: removing a hundred takes as long as the slowest few, not as their sum.
        done = list(hands.map(lambda each: _act(runtime, *each), plans))
    if seen := [each for each in done if each is not None]:
        with transaction():
            deployment.observe(seen)
    for key, wanted, each in plans:
        if each.deploy and wanted is not None:
            if call is not None:
                call(key)
            else:
                _deploy(runtime, wanted)


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
    return Observed(key, wanted.deployed_revision, status, reason)


def _deploy(runtime: Runtime, wanted: Wanted) -> None:
    """Bring the wanted revision up, tell how that ended, and remove what it replaces. Raises EngineDown."""
    lost = wanted.deployment == deployment.Status.RUNNING
    with transaction():
        lease = deployment.claim(wanted.key, wanted.revision, lost)
    if lease is None:
        return
    try:
        there = {each.node for each in _of_revision(runtime, wanted)} if lost else set()
        if len(there) >= wanted.nodes:
            raise LeaseLost("it is there again: another worker was first")
        _bring_up(runtime, wanted, lease, there)
    except LeaseLost as moot:
        log.info("%s", moot)
        with transaction():
            deployment.release(lease)
    except Exception:
        # The engine is gone, or we are at fault: later and later, and in the log of the process.
        with transaction():
            deployment.release(lease)
        raise


def _of_revision(runtime: Runtime, wanted: Wanted) -> list[Instance]:
    return [each for each in runtime.instances(key=wanted.key) if each.revision == wanted.revision]


@contextmanager
def _renewed(lease: Lease) -> Iterator[Tick]:
    """Keep the lease while the block runs, however long the engine takes for an answer; it ends with this process.

    The tick raises LeaseLost once it is someone else's.
    """
    app = current_app._get_current_object()  # type: ignore[attr-defined]
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


def _bring_up(runtime: Runtime, wanted: Wanted, lease: Lease, there: set[int]) -> None:
    place = Place(wanted.key, wanted.project_id, wanted.handle)
    try:
        specification = desired.specification(wanted.key, wanted.revision)
        if specification is None:
            raise LeaseLost(f"revision {wanted.revision} of {wanted.key.noun} {wanted.key.id} is not wanted any more")
        with transaction():
            deployment.one_at_a_time(wanted.key.organisation_id, wanted.project_id)
            runtime.network(place)
        with _renewed(lease) as tick:
            runtime.deploy(place, wanted.revision, specification, tick, there)
    except (CannotDeploy, CannotOpen) as failure:
        with transaction():
            deployment.fail(lease, str(failure))
    else:
        with transaction():
            deployment.succeed(lease)
    found = runtime.instances(key=wanted.key)
    now = desired.one(wanted.key)
    _carry_out(runtime, [(wanted.key, now, plan(now, found)._replace(deploy=False))])
