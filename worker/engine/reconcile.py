"""Making an engine run what should run. Doing it twice, or twice at once, changes nothing.

Always the engine first and what is wanted second: a row is committed before anything of it is started, so nothing that
was seen on the engine is unknown to us only because it is too new.
"""

import logging
import time
from collections import defaultdict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from itertools import islice

from flask import current_app

from models.jobs import deployment, observation
from models.jobs.observation import Observed, ResourceKey
from models.jobs.queue import Hint
from models.jobs.watch import Watch, look
from models.system import desired, watching
from models.system.desired import Wanted
from models.system.watching import Looked
from models.transaction import transaction
from worker.engine import strays
from worker.engine.deploy import deploy
from worker.engine.interface import Instance, Network, NoEngine, Refused, Runtime
from worker.engine.plan import Planned, plan, serving
from worker.engine.slots import Rounds, Slots

log = logging.getLogger(__name__)
AT_ONCE = 16
# Of the sixteen threads that `activity-log runtime` has; one more is for the round over everything.
DEPLOYING_MOST, OF_ONE_MOST, KEPT_FOR_OTHERS = 6, 3, 2
ROUNDS_MOST = 4
SLOTS = Slots(DEPLOYING_MOST, OF_ONE_MOST, KEPT_FOR_OTHERS)
ROUNDS = Rounds(ROUNDS_MOST)
# A round over thousands takes minutes: what was planned longer ago than this is looked at again before it is done.
FRESH_SECONDS = 5
WRITTEN_TOGETHER = 64


def converge(runtime: Runtime, key: ResourceKey, now: datetime | None = None) -> bool:
    """Make the engine run what should run of one thing; False when its deployment has to wait for a slot.

    Raises EngineDown.
    """
    if isinstance(runtime, NoEngine):
        return True
    now = now or datetime.now(UTC)
    planned = _plan_one(runtime, key, now)
    _carry_out(runtime, [planned], now)
    if not _is_due(planned):
        return True
    with SLOTS.take(key) as taken:
        if taken:
            _deploy(runtime, planned, now)
    return taken


def converge_all(
    runtime: Runtime, organisation_id: int | None = None, hint: Hint | None = None, now: datetime | None = None
) -> int:
    """A round: make the engine run what should run of an organisation, or of all; returns how many things it changed.

    `hint` asks for the deployments that are due and have a slot; without it all of them are done here, one after the
    other. Raises EngineDown.
    """
    left_over = desired.left_over(organisation_id)
    if left_over.of_ended:
        with transaction():
            deployment.cancel_ended(organisation_id)
    if isinstance(runtime, NoEngine):
        return 0
    now = now or datetime.now(UTC)
    networks = runtime.networks(organisation_id)
    plans = _plan_all(runtime, organisation_id, now, forget_gone=left_over.strays and organisation_id is None)
    if hint is not None:
        # Before the rest: a thousand removals would hold them up.
        _hint_at(plans, hint)
    _carry_out(runtime, plans, now)
    if hint is None:
        for each in filter(_is_due, plans):
            _deploy(runtime, each, now)
    used = {each.wanted.network for each in plans if each.wanted}
    _remove_unused(runtime, [each for each in networks if each.project not in used], organisation_id)
    return sum(each.plan.acts or _is_due(each) for each in plans)


def hint_due(runtime: Runtime, organisation_id: int | None, hint: Hint) -> None:
    """Ask for the deployments that are due and have a slot, and leave the rest to the round that is being done."""
    _hint_at(_plan_all(runtime, organisation_id, datetime.now(UTC)), hint)


def _plan_one(runtime: Runtime, key: ResourceKey, now: datetime) -> Planned:
    found = runtime.instances(key=key)
    wanted = desired.one(key)
    ours = strays.set_aside(runtime, found, [wanted] if wanted else [])
    return _planned(key, wanted, ours, now)


def _plan_all(runtime: Runtime, organisation_id: int | None, now: datetime, forget_gone: bool = False) -> list[Planned]:
    everything = runtime.instances(organisation_id)
    wanted = {each.key: each for each in desired.everything({each.key for each in everything}, organisation_id)}
    found: dict[ResourceKey, list[Instance]] = defaultdict(list)
    for each in strays.set_aside(runtime, everything, wanted.values()):
        found[each.key].append(each)
    if forget_gone:
        strays.forget_gone(everything)
    return [_planned(key, wanted.get(key), found[key], now) for key in found.keys() | wanted.keys()]


def _planned(key: ResourceKey, wanted: Wanted | None, found: list[Instance], now: datetime) -> Planned:
    watch = _watch(wanted, found, now) if wanted else None
    failing = watch.describe(now) if watch and watch.failing_since else ""
    return Planned(key, wanted, plan(wanted, found, failing), watch)


def _watch(wanted: Wanted, found: list[Instance], now: datetime) -> Watch | None:
    """What is to be remembered of how something fares; what was before, while it is not to run."""
    if wanted.deployed_revision is None or wanted.ended or wanted.state != "active" or not wanted.in_place:
        return wanted.watch
    mine = serving(wanted, found)
    vitals = [each.vitals for each in mine if each.vitals]
    return look(wanted.watch, wanted.deployed_revision, {each.id for each in mine}, vitals, now)


def _is_due(planned: Planned) -> bool:
    return planned.wanted is not None and planned.plan.deploy is not None


def _hint_at(plans: list[Planned], hint: Hint) -> None:
    for each in filter(_is_due, plans):
        SLOTS.wait(each.key)
    for key in SLOTS.ready():
        hint(key)


def _deploy(runtime: Runtime, planned: Planned, now: datetime) -> None:
    key, wanted, todo, _ = planned
    if wanted is not None and todo.deploy is not None and deploy(runtime, wanted, todo.deploy):
        _carry_out(runtime, [_plan_one(runtime, key, now)], now)  # removes what it replaces


def _carry_out(runtime: Runtime, plans: list[Planned], now: datetime) -> None:
    """Stop, start and remove what is planned, and write down what is seen then."""
    app = current_app._get_current_object()  # type: ignore[attr-defined]  # what other threads open a context of
    planned_at = time.monotonic()

    def act(planned: Planned) -> Observed | None:
        if time.monotonic() - planned_at > FRESH_SECONDS:
            with app.app_context():
                if not _is_still_so(planned):
                    return None
        return _act(runtime, planned)

    with ThreadPoolExecutor(AT_ONCE) as threads:
        # Each in its own thread: removing a hundred takes as long as the slowest few, not as their sum.
        done = threads.map(act, plans)
        while some := list(islice(done, WRITTEN_TOGETHER)):
            if seen := [each for each in some if each is not None]:
                with transaction():
                    observation.observe(seen)
    _remember(plans, now)


def _remember(plans: list[Planned], now: datetime) -> None:
    """Write down how things fare, where that has changed."""
    looked = [
        Looked(each.key, each.wanted.watch, each.watch)
        for each in plans
        if each.wanted and each.watch and each.watch != each.wanted.watch
    ]
    for begin in range(0, len(looked), WRITTEN_TOGETHER):
        with transaction():
            watching.remember(looked[begin : begin + WRITTEN_TOGETHER], now)


def _is_still_so(planned: Planned) -> bool:
    """Whether what is wanted of a thing is what the plan was made for; what has changed has its own hint."""
    if planned.wanted is None or not planned.plan.acts:
        return True
    return planned.is_made_for(desired.one(planned.key))


def _act(runtime: Runtime, planned: Planned) -> Observed | None:
    """Stop, start and remove; what will be seen of it then, when that is news."""
    key, wanted, todo, _ = planned
    reason, status = todo.reason, todo.status

    def start(instance: Instance) -> None:
        try:
            runtime.start(instance)
        except Refused as refused:
            if not refused.fault.is_engines:
                runtime.remove(instance)  # so that it is made anew
            raise

    for verb, instances in ((runtime.stop, todo.stop), (start, todo.start), (runtime.remove, todo.remove)):
        for each in instances:
            try:
                verb(each)
            except Refused as refused:
                # One that cannot be removed must not keep the others from what they need.
                log.warning("%s %s: %s", key.noun, key.id, refused)
                status, reason = "error", refused.words
    if wanted is None:
        return None
    if (status, reason) == (wanted.status, wanted.status_reason) and not (wanted.ended and wanted.deployed_revision):
        return None
    return Observed(key, wanted.deployed_revision, status, reason, before=(wanted.status, wanted.status_reason))


def _remove_unused(runtime: Runtime, networks: Sequence[Network], organisation_id: int | None) -> None:
    if not networks:
        return
    used = desired.used_networks(organisation_id)
    for network in networks:
        if network.project not in used:
            _remove_network(runtime, network)


def _remove_network(runtime: Runtime, network: Network) -> None:
    try:
        with transaction():
            # Nobody prepares the project meanwhile; and what was asked for in it since it was looked at is seen.
            deployment.hold_network(*network.project)
            if network.project not in desired.used_networks(network.organisation_id):
                runtime.remove_network(network)
    except Refused as refused:
        log.warning("the network of project %d stays: %s", network.project_id, refused)
