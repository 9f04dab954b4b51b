"""What to do about strays: stop them, tell of them, and remove them once they have been kept for long enough."""

import logging
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

from models.system import strays
from models.system.desired import Wanted
from models.system.strays import Seen
from models.transaction import transaction
from worker.engine.interface import Instance, Refused, Runtime

log = logging.getLogger(__name__)
AT_ONCE = 16


def set_aside(runtime: Runtime, found: Sequence[Instance], wanted: Collection[Wanted]) -> list[Instance]:
    """See that no stray among these runs; returns those that a deployment of ours has made. Raises EngineDown.

    The usual case costs nothing: what bears a stamp that is wanted is no stray.
    """
    known = {each.mark.stamp for one in wanted for each in (one.newest, one.deployed) if each}
    doubtful = [each for each in found if each.mark.stamp not in known]
    if not doubtful:
        return list(found)
    kept = strays.among([_seen(each) for each in doubtful])
    some = [each for each in doubtful if each.id in kept]
    _stop(runtime, [each for each in some if each.running or not kept[each.id]])
    _remove(runtime, [each for each in some if kept[each.id]])
    return [each for each in found if each.id not in kept]


def forget_gone(found: Sequence[Instance]) -> None:
    """Write down which strays someone else has removed from the engine, given all that it has now."""
    there = {each.id for each in found}
    if gone := [each for each in strays.kept() if each.instance not in there]:
        with transaction():
            strays.removed(gone, datetime.now(UTC))


def _stop(runtime: Runtime, some: Sequence[Instance]) -> None:
    stopped = _each(runtime.stop, some)
    if not stopped:
        return
    with transaction():
        news = strays.keep([_seen(each) for each in stopped], datetime.now(UTC))
    for each in news:
        what = f"container {each.instance[:12]} of {each.key.noun or 'something'} {each.key.id}"
        log.warning("%s, which no deployment of ours has made, is stopped and removed in %s", what, strays.KEPT)


def _remove(runtime: Runtime, some: Sequence[Instance]) -> None:
    if not some:
        return
    due = strays.to_remove([_seen(each) for each in some], datetime.now(UTC))
    if gone := _each(runtime.remove, [each for each in some if each.id in due]):
        with transaction():
            strays.removed([_seen(each) for each in gone], datetime.now(UTC))
        log.warning("removed %d containers that no deployment of ours has made", len(gone))


def _each(verb: Callable[[Instance], None], some: Sequence[Instance]) -> list[Instance]:
    """Do it to each at once; returns those to which it was done."""

    def done(instance: Instance) -> bool:
        try:
            verb(instance)
        except Refused as refused:
            log.warning("container %s: %s", instance.id[:12], refused)
            return False
        return True

    if not some:
        return []
    with ThreadPoolExecutor(min(AT_ONCE, len(some))) as threads:
        return [each for each, ok in zip(some, threads.map(done, some), strict=True) if ok]


def _seen(instance: Instance) -> Seen:
    return Seen(instance.id, instance.key, instance.revision, instance.mark.stamp, instance.mark.image_id)
