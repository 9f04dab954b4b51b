"""What is to be done about one thing: a comparison of what is wanted of it with what the engine has."""

from collections.abc import Iterable
from typing import NamedTuple

from models.jobs.deployment import Status
from models.jobs.observation import ResourceKey
from models.jobs.watch import Watch
from models.system.desired import Known, Wanted
from worker.engine.interface import Instance


class Plan(NamedTuple):
    """What is to be done about one thing, and what will be seen of it then."""

    remove: list[Instance]
    stop: list[Instance]
    start: list[Instance]
    deploy: int | None
    """The revision that is to be brought up now: the newest one, or again the one that was deployed."""
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
    watch: Watch | None = None
    """What is to be remembered of how it fares."""

    def is_made_for(self, now: Wanted | None) -> bool:
        """Whether what is wanted now would be planned alike, apart from how far a deployment is."""
        return self.wanted is not None and now is not None and _decided(now) == _decided(self.wanted)


def plan(wanted: Wanted | None, found: list[Instance], failing: str = "") -> Plan:
    """Compare what is wanted of one thing with what the engine has of it, strays left aside.

    `failing` says in which way it fails, if it does.
    """
    if wanted is None or wanted.ended:
        return Plan(found, [], [], None, None)
    mine = serving(wanted, found)
    remove = [each for each in found if each not in mine and not _is_in_the_making(each, wanted)]
    if wanted.state == "suspended":
        # What is coming up, too: it may serve by now, and is then not found under the name by which it is removed.
        running = [each for each in found if each.running and (each.coming or each not in remove)]
        return Plan(remove, running, [], None, "stopped")
    if not wanted.in_place:
        # Its cascade is about to suspend or end it.
        return Plan([], [], [], None, wanted.status, wanted.status_reason)
    status, reason = _seen(wanted, mine, failing)
    if any(each.coming and _is_of(each, wanted.deployed) for each in found):
        # It may have come up since the engine was asked: whoever deploys asks again, and nothing is said meanwhile.
        status, reason = wanted.status, wanted.status_reason
    start = [each for each in mine if not each.running or each.paused]
    return Plan(remove, [], start, _due_revision(wanted, found), status, reason)


def serving(wanted: Wanted, found: list[Instance]) -> list[Instance]:
    """What serves as it was deployed, one of each node; of the version before, what bears the number that it gave."""
    deployed = wanted.deployed
    if deployed is None:
        return []
    if deployed.is_kept:
        return _one_of_each_node(each for each in found if each.mark == deployed.mark)
    return _one_of_each_node(
        each for each in found if not each.mark.stamp and each.revision == wanted.deployed_revision
    )


def _one_of_each_node(instances: Iterable[Instance]) -> list[Instance]:
    best: dict[int, Instance] = {}
    for each in instances:
        if not each.coming and (each.node not in best or each.running > best[each.node].running):
            best[each.node] = each
    return list(best.values())


def _is_in_the_making(instance: Instance, wanted: Wanted) -> bool:
    """Whether someone works on it, or will find it and say that it serves.

    What is coming up when nobody works on it is no good to anyone: it has neither its name nor a restart policy.
    """
    if wanted.newest and _is_of(instance, wanted.newest) and wanted.deployment == Status.PROVISIONING:
        return wanted.newest.leased or not instance.coming
    return wanted.deployed is not None and _is_of(instance, wanted.deployed) and wanted.deployed.leased


def _is_of(instance: Instance, known: Known | None) -> bool:
    return known is not None and instance.mark.stamp == known.mark.stamp


def _due_revision(wanted: Wanted, found: list[Instance]) -> int | None:
    newest, deployed = wanted.newest, wanted.deployed
    if newest and wanted.deployment == Status.PROVISIONING and (newest.due or newest.leased):
        return wanted.revision if newest.due else None
    if deployed is None or not deployed.due or not _can_come_back(wanted):
        return None
    # What the version before has made is replaced once, by what can be told from others.
    proven = _one_of_each_node(each for each in found if each.mark == deployed.mark)
    return wanted.deployed_revision if len(proven) < deployed.nodes else None


def _can_come_back(wanted: Wanted) -> bool:
    return wanted.deployed is not None and (wanted.deployed.is_kept or wanted.deployed_revision == wanted.revision)


def _seen(wanted: Wanted, mine: list[Instance], failing: str) -> tuple[str | None, str]:
    if wanted.deployed is None:
        if wanted.deployment == Status.PROVISIONING:
            return "provisioning", ""
        return wanted.status, wanted.status_reason
    if failing:
        return "error", failing
    if not mine and not _can_come_back(wanted):
        return "error", f"revision {wanted.deployed_revision} is gone from the engine; deploy again"
    if len(mine) < wanted.deployed.nodes and _can_come_back(wanted):
        return ("error", wanted.status_reason) if wanted.status == "error" else ("provisioning", "")
    return "running", ""


def _decided(wanted: Wanted) -> tuple[object, ...]:
    return wanted.state, wanted.ended, wanted.in_place, wanted.revision, wanted.deployed_revision
