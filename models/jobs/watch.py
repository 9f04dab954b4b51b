"""Watches: what is remembered of something that keeps ending or fails its health check, and when that is told.

One mishap is no failure, and one calm minute no recovery: something fails after a few restarts, at once when it is out
of memory or the engine calls it unhealthy, and it has recovered after ten calm minutes. If it fails again within a day,
it has to be calm four times as long: what flaps all night makes a handful of entries.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

RESTARTS_LEAST, KILLED = 3, 137
CALM, CALM_MOST, LONGER = timedelta(minutes=10), timedelta(hours=24), 4
FORGIVEN, RELAPSES_MOST = timedelta(hours=24), 10
# Since the last mishap: after that it is said to be up again.
LATELY = timedelta(seconds=60)
RESTARTING, UP_AGAIN = "restarting: ", "up again for "
"""How the description of something begins that comes up again and again, or has come up again."""


class Vitals(NamedTuple):
    """How an instance is, as the engine says it."""

    instance: str
    created_at: datetime
    restarts: int
    """How often the engine has started it again since someone started it by hand."""
    exit_code: int | None = None
    """Of its last end; None when that is not known."""
    out_of_memory_at: datetime | None = None
    unhealthy: bool = False


class Watch(NamedTuple):
    """What is remembered of the instances of one deployment."""

    revision: int
    counted: Mapping[str, int]
    """The restarts of each instance that are taken into account."""
    since: datetime | None = None
    """The first of the mishaps that belong together."""
    last_at: datetime | None = None
    restarts: int = 0
    exit_code: int | None = None
    out_of_memory: bool = False
    out_of_memory_at: datetime | None = None
    """The last time that is taken into account, by the clock of the engine."""
    unhealthy: bool = False
    failing_since: datetime | None = None
    """Since when the log says that it fails."""
    recovered_at: datetime | None = None
    relapses: int = 0
    """How often it has failed again within a day."""
    version: int = 0
    """Of its row: what someone else has seen meanwhile is not overwritten."""

    @property
    def calm_needed(self) -> timedelta:
        """How long it must be calm to have recovered."""
        longer: int = pow(LONGER, min(self.relapses, RELAPSES_MOST))
        return min(CALM * longer, CALM_MOST)

    def began_to_fail(self, before: "Watch | None") -> bool:
        """Whether it has begun to fail since then."""
        return self.failing_since is not None and not (before and before.is_same(self) and before.failing_since)

    def has_recovered(self, before: "Watch | None") -> bool:
        """Whether it has recovered since then."""
        return self.failing_since is None and bool(before and before.is_same(self) and before.failing_since)

    def is_same(self, other: "Watch") -> bool:
        """Whether both are about the same deployment."""
        return self.revision == other.revision

    def describe(self, now: datetime) -> str:
        """ "restarting: 8 times in 100 s, last exit 137, out of memory", or that it is up again after that."""
        calm = now - self.last_at if self.last_at else timedelta()
        told = [f"{RESTARTING}{self._often}"] if self.restarts else []
        told += [*self._why, *(["its health check fails"] if self.unhealthy else [])]
        if not told or (calm > LATELY and not self.unhealthy):
            return f"{UP_AGAIN}{lasting(calm)}, after it {self.describe_past()}"
        return ", ".join(told)

    def describe_past(self) -> str:
        """ "restarted 8 times in 100 s, last exit 137, out of memory"."""
        told = [f"restarted {self._often}"] if self.restarts else []
        told += ["ran out of memory"] if self.out_of_memory and not told else self._why
        return ", ".join(told) or "failed its health check"

    @property
    def _often(self) -> str:
        if self.restarts == 1 or not (self.since and self.last_at):
            return "once"
        return f"{self.restarts:,} times in {lasting(self.last_at - self.since)}"

    @property
    def _why(self) -> list[str]:
        known = self.restarts and self.exit_code is not None
        told = [f"last exit {self.exit_code}"] if known else []
        return [*told, "out of memory"] if self.out_of_memory else told


def look(
    before: Watch | None, revision: int, instances: Collection[str], vitals: Sequence[Vitals], now: datetime
) -> Watch | None:
    """What is to be remembered after a look at the instances of a deployment; None when there is nothing.

    `vitals` of those that are worth a second look: all others are well.
    """
    was = before if before and before.revision == revision else None
    if was is None:
        was = Watch(revision, {}, version=before.version if before else 0)
    seen = _counted(was, instances, vitals, now)
    if not seen.counted and seen.last_at is None and not before:
        return None
    return _judged(seen, now)


def lasting(span: timedelta) -> str:
    """ "100 s", "5 min", "3 h", "2 days"."""
    seconds = max(0, round(span.total_seconds()))
    for size, unit, most in ((1, "s", 120), (60, "min", 7200), (3600, "h", 172_800)):
        if seconds < most:
            return f"{seconds // size} {unit}"
    return f"{seconds // 86_400} days"


def _counted(was: Watch, instances: Collection[str], vitals: Sequence[Vitals], now: datetime) -> Watch:
    """Takes into account what has happened since the last look."""
    restarted = {each.instance: new for each in vitals if (new := _new_restarts(was, each, now))}
    exhausted = [at for each in vitals if (at := each.out_of_memory_at) and _is_later(at, was.out_of_memory_at)]
    unhealthy = any(each.unhealthy for each in vitals)
    counted = {name: count for name, count in was.counted.items() if name in instances}
    counted |= {each.instance: each.restarts for each in vitals if each.restarts or each.instance in counted}
    seen = was._replace(counted=counted, unhealthy=unhealthy)
    if not (restarted or exhausted or unhealthy):
        return seen
    if was.since is None or (was.failing_since is None and was.last_at and now - was.last_at > CALM):
        begin = min(each.created_at for each in vitals) if sum(restarted.values()) > 1 else now
        seen = seen._replace(since=min(begin, now), restarts=0, exit_code=None, out_of_memory=False)
    code = next((each.exit_code for each in vitals if each.exit_code is not None), seen.exit_code)
    # The kernel may be heard before the restart that follows is counted.
    still = seen.out_of_memory and (not restarted or code in (None, KILLED))
    return seen._replace(
        last_at=now,
        restarts=seen.restarts + sum(restarted.values()),
        exit_code=code,
        out_of_memory=bool(exhausted) or still,
        out_of_memory_at=max(exhausted) if exhausted else seen.out_of_memory_at,
    )


def _new_restarts(was: Watch, seen: Vitals, now: datetime) -> int:
    if seen.instance in was.counted:
        return max(0, seen.restarts - was.counted[seen.instance])
    # One that was made long ago and is looked at for the first time has restarted nobody knows when.
    return seen.restarts if now - seen.created_at <= CALM else 0


def _is_later(at: datetime, than: datetime | None) -> bool:
    return than is None or at > than


def _judged(seen: Watch, now: datetime) -> Watch:
    if seen.last_at is None:
        return seen
    calm = now - seen.last_at
    if seen.failing_since is None:
        if calm <= CALM and (seen.restarts >= RESTARTS_LEAST or seen.out_of_memory or seen.unhealthy):
            recent = seen.recovered_at is not None and now - seen.recovered_at < FORGIVEN
            return seen._replace(failing_since=now, relapses=seen.relapses + 1 if recent else 0)
        return seen
    if not seen.unhealthy and calm >= seen.calm_needed:
        return seen._replace(failing_since=None, recovered_at=now, since=None, last_at=None)
    return seen
