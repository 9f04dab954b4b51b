"""Who may use the threads of this process: deployments take turns, and rounds do not pile up.

What has to wait is remembered here, each once, and only for speed: a process that dies forgets it, and the next round
finds it again.
"""

import threading
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager

from models.jobs.observation import ResourceKey


class Turns:
    """How many deployments this process works on at once: in all, so that rounds over everything always find a thread,
    and of one organisation, so that slow registries of one do not hold up the others; the last ones are kept for
    organisations that have none.
    """

    def __init__(self, most: int, of_one_most: int, kept: int) -> None:
        self._most, self._of_one_most, self._kept = most, of_one_most, kept
        self._taken: Counter[int] = Counter()
        self._waiting: defaultdict[int, dict[ResourceKey, None]] = defaultdict(dict)
        self._lock = threading.Lock()

    @contextmanager
    def take(self, key: ResourceKey) -> Iterator[bool]:
        """Whether there is a turn for it now, given back at the end of the block; if there is none, it waits."""
        with self._lock:
            granted = self._is_free(self._taken, key.organisation_id)
            if granted:
                self._forget(key)
                self._taken[key.organisation_id] += 1
            else:
                self._waiting[key.organisation_id][key] = None
        try:
            yield granted
        finally:
            with self._lock:
                self._taken[key.organisation_id] -= granted
                self._taken += Counter()  # forgets who has none

    def wait(self, key: ResourceKey) -> None:
        """It is to have a turn when there is one."""
        with self._lock:
            self._waiting[key.organisation_id][key] = None

    def ready(self) -> list[ResourceKey]:
        """Those that wait and for whom there is a turn now: of who has the fewest first. They do not wait any more."""
        found: list[ResourceKey] = []
        with self._lock:
            taken = self._taken.copy()
            while able := [each for each in self._waiting if self._is_free(taken, each)]:
                organisation_id = min(able, key=lambda each: taken[each])
                key = next(iter(self._waiting[organisation_id]))
                self._forget(key)
                taken[organisation_id] += 1
                found.append(key)
        return found

    def _is_free(self, taken: Counter[int], organisation_id: int) -> bool:
        mine, all_of_them = taken[organisation_id], taken.total()
        most = self._most if mine == 0 else self._most - self._kept
        return all_of_them < most and mine < self._of_one_most

    def _forget(self, key: ResourceKey) -> None:
        mine = self._waiting[key.organisation_id]
        mine.pop(key, None)
        if not mine:
            del self._waiting[key.organisation_id]


class Round:
    """One that is being done."""

    again = False
    """Whether it was asked for meanwhile."""


class Rounds:
    """Which rounds this process is at: one over everything, a few over one organisation, and none twice at once.

    Removing ten thousand containers takes minutes, in which the same round is asked for again and again.
    """

    def __init__(self, of_organisations_most: int) -> None:
        self._most = of_organisations_most
        self._under_way: dict[int | None, Round] = {}
        self._waiting: dict[int, None] = {}
        self._lock = threading.Lock()

    @contextmanager
    def turns(self, organisation_id: int | None) -> Iterator[Iterator[None]]:
        """As many times as the round is to be done now: not at all when it is being done or there is no place for it,
        once, and once more for having been asked for meanwhile.
        """
        with self._lock:
            mine = self._begin(organisation_id)
        try:
            yield self._times(organisation_id, mine) if mine else iter(())
        finally:
            with self._lock:
                self._end(organisation_id, mine)

    def ready(self) -> list[int]:
        """The organisations for whose round there was no place, and is one now. They do not wait any more."""
        with self._lock:
            found = list(self._waiting)[: self._places()]
            for each in found:
                del self._waiting[each]
        return found

    def _begin(self, organisation_id: int | None) -> Round | None:
        if under_way := self._under_way.get(organisation_id):
            # Over everything it is asked for by the schedule, and soon again.
            under_way.again = organisation_id is not None
            return None
        if organisation_id is not None:
            if not self._places():
                self._waiting[organisation_id] = None
                return None
            self._waiting.pop(organisation_id, None)
        return self._under_way.setdefault(organisation_id, Round())

    def _times(self, organisation_id: int | None, mine: Round) -> Iterator[None]:
        yield
        while self._is_asked_again(organisation_id, mine):
            yield

    def _is_asked_again(self, organisation_id: int | None, mine: Round) -> bool:
        """If not, it ends with the answer: who asks a moment later begins anew."""
        with self._lock:
            again, mine.again = mine.again, False
            if not again:
                self._end(organisation_id, mine)
            return again

    def _end(self, organisation_id: int | None, mine: Round | None) -> None:
        if mine is not None and self._under_way.get(organisation_id) is mine:
            del self._under_way[organisation_id]

    def _places(self) -> int:
        return max(0, self._most - len(self._under_way.keys() - {None}))
