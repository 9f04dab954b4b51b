"""What is to be done about one thing: a comparison of what is wanted of it with what the engine has."""

from typing import NamedTuple

from models.jobs.deployment import Status
from models.jobs.observation import ResourceKey
from models.system.desired import Wanted
from worker.engine.interface import Instance


class Plan(NamedTuple):
    """What is to be done about one thing, and what will be seen of it then."""

    remove: list[Instance]
    stop: list[Instance]
    start: list[Instance]
    deploy: bool
    status: str | None
    reason: str = ""

    @property
    def acts(self) -> bool:
        """Whether something is to be removed, stopped or started."""
        return bool(self.remove or self.stop or self.start)


class Planned(NamedTuple):
    """A plan, and what it was made for."""

    key: ResourceKey
    wanted: Wanted | None
    plan: Plan

    def is_made_for(self, now: Wanted | None) -> bool:
        """Whether what is wanted now would be planned alike, apart from how far a deployment is."""
        return self.wanted is not None and now is not None and _decided(now) == _decided(self.wanted)


def plan(wanted: Wanted | None, found: list[Instance]) -> Plan:
    """Compare what is wanted of one thing with what the engine has of it."""
    if wanted is None or wanted.ended:
        return Plan(found, [], [], False, None)
    provisioning = wanted.deployment == Status.PROVISIONING
    remove = [each for each in found if _is_superseded(each, wanted)]
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
        # It may have come up since the engine was asked: whoever deploys asks again, and nothing is said meanwhile.
        status, reason = wanted.status, wanted.status_reason
    start = [each for each in mine if not each.running]
    return Plan(remove, [], start, (provisioning or lost) and wanted.due, status, reason)


def _is_superseded(instance: Instance, wanted: Wanted) -> bool:
    if instance.revision > wanted.revision:
        return False  # deployed since we read what is wanted
    provisioning = wanted.deployment == Status.PROVISIONING
    if instance.revision not in {wanted.deployed_revision, wanted.revision if provisioning else None}:
        return True
    # What is coming up is left to whoever works on it, and is no good to anyone when nobody does: it has neither its
    # name nor a restart policy.
    return bool(instance.coming) and not (wanted.leased and instance.revision == wanted.revision)


def _seen(wanted: Wanted, mine: list[Instance]) -> tuple[str | None, str]:
    if wanted.deployed_revision is None:
        if wanted.deployment == Status.PROVISIONING:
            return "provisioning", ""
        return wanted.status, wanted.status_reason
    if trouble := next((each.trouble for each in mine if each.trouble), ""):
        return "error", trouble
    if not mine and wanted.deployed_revision != wanted.revision:
        return "error", f"revision {wanted.deployed_revision} is gone from the engine; deploy again"
    if len(mine) < wanted.nodes and wanted.deployed_revision == wanted.revision:
        return ("error", wanted.status_reason) if wanted.status == "error" else ("provisioning", "")
    return "running", ""


def _decided(wanted: Wanted) -> tuple[object, ...]:
    return wanted.state, wanted.ended, wanted.in_place, wanted.revision, wanted.deployed_revision
