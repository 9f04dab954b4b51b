"""What every benchmark shares: a ground with a million entries, alternating runs, and the row that comes of them."""

import os
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import NamedTuple

import psycopg
from flask import Flask

from models.log.actor import Actor
from models.log.feed import OrganisationName
from models.settings import Settings

# Many short rounds: whoever else uses the machine disturbs both sides of a pair, or few of them.
ROUNDS = 31
# As often as that the rounds are run where they do not say whether the goal is met.
TRIES_MOST = 4
TIMES = 30
# BENCH_ROUNDS asks for fewer rounds of everything: enough to see that the bench works, not to believe its figures.
MOST_ROUNDS = int(os.environ.get("BENCH_ROUNDS", "1000"))


@dataclass(frozen=True)
class Ground:
    """The platform that is measured: one big organisation, four smaller ones, Ada in all of them."""

    app: Flask
    settings: Settings
    superuser_url: str
    ada: Actor
    password: str
    organisations: dict[int, OrganisationName]
    """Of all organisations, by id; the big one comes first."""

    @property
    def big(self) -> int:
        """The organisation with at least a million entries."""
        return next(iter(self.organisations))

    def as_superuser(self, statement: str) -> None:
        """What only the bench may do: fill, and set the database up differently for one row."""
        with psycopg.connect(self.superuser_url, autocommit=True) as connection:
            connection.execute(statement.encode())

    @contextmanager
    def owing_nothing(self) -> Iterator[None]:
        """While it lasts, the database asks for no entries about what is changed."""
        self.as_superuser(ASK.format("DISABLE"))
        try:
            yield
        finally:
            self.as_superuser(ASK.format("ENABLE ALWAYS"))


ASK = """
    DO $$ DECLARE each text; BEGIN
        FOR each IN SELECT format('ALTER TABLE %s {} TRIGGER %I', tgrelid::regclass, tgname) FROM pg_trigger
                     WHERE tgname ~ '_owe_for_' LOOP
            EXECUTE each;
        END LOOP;
    END $$
"""


class Goal(NamedTuple):
    """What the ratio should be."""

    limit: float
    at_least: bool = False

    def met_by(self, ratio: float) -> bool:
        """Whether it is."""
        return ratio >= self.limit if self.at_least else ratio <= self.limit

    def __str__(self) -> str:
        return f"{'≥' if self.at_least else '≤'} {self.limit:g}"


class Row(NamedTuple):
    """One line of the table: a figure, what it is compared with, their ratio, and where half of the rounds lay."""

    what: str
    figure: str
    against: str
    baseline: str
    ratio: float
    low: float
    high: float
    goal: Goal | None = None

    @property
    def is_open(self) -> bool:
        """Whether the goal lies among the middle half of the rounds, so that they do not say if it is met."""
        return self.goal is not None and self.low <= self.goal.limit <= self.high


Measured = Callable[[], float]
Unit = Callable[[float], str]


def milliseconds(seconds: float) -> str:
    """ "1.23 ms"."""
    return f"{seconds * 1000:.2f} ms"


def per_second(rate: float) -> str:
    """ "12,300 /s"."""
    return f"{rate:,.0f} /s"


def turns(rounds: int) -> range:
    """So many rounds, or those that were asked for if they are fewer."""
    return range(min(rounds, MOST_ROUNDS))


def compare(
    what: str,
    figure: Measured,
    against: str,
    baseline: Measured,
    goal: Goal | None = None,
    *,
    rounds: int = ROUNDS,
    unmeasured: int = 1,
    unit: Unit = milliseconds,
) -> Row:
    """Run both in turn, each first every other time, after some unmeasured runs of each; compare them pair by pair.

    Alternation, because a machine that others use slows down for seconds at a time: it hits both alike. Where half of
    the ratios lie around the goal, more rounds are run, and all of them count.
    """
    for _ in range(unmeasured):
        figure(), baseline()
    pairs: list[tuple[float, float]] = []
    for _ in range(TRIES_MOST):
        for turn in turns(rounds):
            if turn % 2:
                second = baseline()
                pairs.append((figure(), second))
            else:
                pairs.append((figure(), baseline()))
        row = row_of(what, pairs, against, goal, unit=unit)
        if not row.is_open:
            break
    return row


def row_of(
    what: str,
    pairs: list[tuple[float, float]],
    against: str,
    goal: Goal | None = None,
    *,
    unit: Unit = milliseconds,
) -> Row:
    """The row of what was measured in pairs, ours first: the medians of both, and that and the quartiles of the ratios.

    The two of a pair were measured one right after the other, so that their ratio says more than that of the medians.
    """
    ratios = [one / other for one, other in pairs]
    ours, theirs = (statistics.median(side) for side in zip(*pairs, strict=True))
    low, ratio, high = statistics.quantiles(ratios, n=4) if len(ratios) > 1 else ratios * 3
    return Row(what, unit(ours), against, unit(theirs), ratio, low, high, goal)


def each_takes(action: Callable[[], object], times: int = TIMES) -> float:
    """Seconds that one of `times` calls takes, as their median: a stray checkpoint or neighbour does not count."""
    taken = []
    for _ in range(times):
        start = time.perf_counter()
        action()
        taken.append(time.perf_counter() - start)
    return statistics.median(taken)
