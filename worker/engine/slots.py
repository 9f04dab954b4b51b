"""Who may use the threads of this process: a limited number of deployments at once, and rounds that do not pile up.

What has to wait is remembered here, each thing once, and only for speed: a process that dies forgets it, and the next
round finds it again.
"""

import threading
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager

from models.jobs.observation import ResourceKey


class Slots:
    """The deployments that this process may work on at once.

    At `most` so many, so that rounds over everything always find a thread; `of_one_most` of one organisation, so that
    slow registries of one do not hold up the others; the last ones are `kept` for organisations that have none.
    """

    def __init__(self, most: int, of_one_most: int, kept: int) -> None:
        self._most, self._of_one_most, self._kept = most, of_one_most, kept
        self._taken: Counter[int] = Counter()
        self._waiting: defaultdict[int, dict[ResourceKey, None]] = defaultdict(dict)
        self._lock = threading.Lock()

    @contextmanager
    def take(self, key: ResourceKey) -> Iterator[bool]:
        """Take a slot until the end of the block; yields False when none is free, and then the key waits for one."""
        with self._lock:
            taken = self._is_free(self._taken, key.organisation_id)
            if taken:
                self._forget(key)
                self._taken[key.organisation_id] += 1
            else:
                self._waiting[key.organisation_id][key] = None
        try:
            yield taken
        finally:
            with self._lock:
                self._taken[key.organisation_id] -= taken
                self._taken += Counter()  # forgets organisations that have none

    def wait(self, key: ResourceKey) -> None:
        """Have the key wait for a slot."""
        with self._lock:
            self._waiting[key.organisation_id][key] = None

    def ready(self) -> list[ResourceKey]:
        """Returns the keys that may start now, and no longer counts them as waiting.

        The organisation with the fewest slots comes first.
        """
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
    """A round that is under way."""

    again = False
    """Whether it was asked for meanwhile."""


class Rounds:
    """The rounds that this process is doing: one over everything, a few over one organisation, and none twice at once.

    Removing ten thousand containers takes minutes, in which the same round is asked for again and again.
    """

    def __init__(self, of_organisations_most: int) -> None:
        self._most = of_organisations_most
        self._under_way: dict[int | None, Round] = {}
        self._waiting: dict[int, None] = {}
        self._lock = threading.Lock()

    @contextmanager
    def begin(self, organisation_id: int | None) -> Iterator[Iterator[None]]:
        """Yields an iterator with a step for each time that the round is to be done now.

        It is empty when the round is under way already or there are too many others, and goes on for as long as the
        round was asked for while it was done. None is the round over everything.
        """
        with self._lock:
            mine = self._start(organisation_id)
        try:
            yield self._times(organisation_id, mine) if mine else iter(())
        finally:
            with self._lock:
                self._end(organisation_id, mine)

    def ready(self) -> list[int]:
        """Returns the organisations whose round had to wait and may begin now; no longer counts them as waiting."""
        with self._lock:
            found = list(self._waiting)[: self._free()]
            for each in found:
                del self._waiting[each]
        return found

    def _start(self, organisation_id: int | None) -> Round | None:
        if under_way := self._under_way.get(organisation_id):
            # The one over everything is asked for by the schedule, and soon again.
            under_way.again = organisation_id is not None
            return None
        if organisation_id is not None:
            if not self._free():
                self._waiting[organisation_id] = None
                return None
            self._waiting.pop(organisation_id, None)
        return self._under_way.setdefault(organisation_id, Round())

    def _times(self, organisation_id: int | None, mine: Round) -> Iterator[None]:
        yield
        while self._is_asked_again(organisation_id, mine):
            yield

    def _is_asked_again(self, organisation_id: int | None, mine: Round) -> bool:
        """Whether it was asked for meanwhile; if not, it ends at once, so that whoever asks later begins anew."""
        with self._lock:
            again, mine.again = mine.again, False
            if not again:
                self._end(organisation_id, mine)
            return again

    def _end(self, organisation_id: int | None, mine: Round | None) -> None:
        if mine is not None and self._under_way.get(organisation_id) is mine:
            del self._under_way[organisation_id]

    def _free(self) -> int:
        return max(0, self._most - len(self._under_way.keys() - {None}))
