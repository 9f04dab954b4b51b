"""What a kind of job declares: the table that keeps it, and how its rows are written, claimed and given up."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

from sqlalchemy import TextClause


class Hinted(Protocol):
    """The address of what a worker is to look at: what a hint carries."""

    def __iter__(self) -> Iterator[Any]:
        """Its parts, as a message carries them."""


Hint = Callable[[Hinted], object]
"""Tells a worker to look at something."""


def hint_nobody(_: Hinted) -> None:
    """What whoever works alone hints with."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Queue:
    """A kind of job. Its table has a row a job, with the columns token, attempts, lease_until and due_at.

    If an entry of the log causes it, also cause_number.
    """

    table: str
    key: tuple[str, ...]
    """The columns of its primary key."""
    rank: int
    """Kinds are written in ascending order, so that all transactions take their locks in the same order."""
    insert: TextClause
    """Inserts many rows at once, given a list for each value, and returns what their hints carry."""
    address: Callable[..., Hinted]
    """Makes the address that a hint carries, of what `insert` and `overdue` return."""
    one_for: tuple[str, ...] = ()
    """A transaction writes only the last of the jobs that agree in these values."""

    lease_seconds: int
    attempts_most: int | None = None
    """After so many failures in a row it is stuck until an operator has looked; None: it is tried for ever."""
    brings: tuple[str, ...] = ()
    """What a claim returns of the row, in SQL: the fields of the kind's lease, in their order."""
    counts: str = ""
    """What else a renewal of the lease writes, in SQL."""
    lapses: bool = False
    """Whether a lease that has run out is over although nobody else has claimed the job yet."""

    ready: tuple[str, ...] = ("ready",)
    """The states in which it may be claimed; the first is that of a new one."""
    state: str = "state"
    error: str = "error"
    ended_at: str = "finished_at"

    @property
    def is_it(self) -> str:
        """The condition that a row is the job of a key, in SQL."""
        return " AND ".join(f"{column} = :{column}" for column in self.key)

    @property
    def is_ours(self) -> str:
        """The condition that nobody has claimed the job since we did and that it is not over, in SQL."""
        states = ", ".join(f"'{each}'" for each in self.ready)
        return f"{self.is_it} AND token = :token AND {self.state} IN ({states})"

    @property
    def is_held(self) -> str:
        """The condition that our lease of it still runs, in SQL."""
        return f"{self.is_ours} AND lease_until >= clock_timestamp()" if self.lapses else self.is_ours
