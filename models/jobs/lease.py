"""Leases: the right to work on a job for a while, proven by a token. Claim, renew, finish, fail: written once.

Each claim counts the job's token up, and whatever its holder writes names the token. A worker that was frozen until its
lease had run out and another one had claimed the job finds its token outdated, and nothing of what it did is kept.

Times are PostgreSQL's own: workers on several machines compare leases by one clock.
"""

from dataclasses import dataclass
from functools import cache
from typing import Any, ClassVar, Generic, Protocol, Self, TypeVar

from sqlalchemy import TextClause, text

from models.database import db
from models.errors import LeaseLost
from models.jobs.queue import Hinted, Queue

ERROR_MOST = 2000
DUE = "due_at <= clock_timestamp() AND (lease_until IS NULL OR lease_until < clock_timestamp())"
# Later and later: 2 s doubling to 5 min. Not the power of any number of attempts, since the 1,024th is out of range.
BACK_OFF = """
    lease_until = NULL,
    due_at = clock_timestamp() + make_interval(secs => LEAST(power(2, LEAST(attempts, 9)), 300))
"""


class Key(Protocol):
    """The primary key of a job, a named tuple."""

    def _asdict(self) -> dict[str, Any]: ...


K = TypeVar("K", bound=Key)
Found = TypeVar("Found")


@dataclass(frozen=True)
class Lease(Generic[K]):
    """The right to work on a job. A kind of job names its queue, and adds a field for each of what the queue brings."""

    queue: ClassVar[Queue]

    key: K
    token: int

    @classmethod
    def claim(cls, key: K, state: str | None = None) -> Self | None:
        """Take the job. None when someone has it, when it is not due, or when it is not in the state (ready) any more.

        A job that was claimed again and again without a result or an error kills its worker: it is stuck from then on.
        """
        queue = cls.queue
        values = {**key._asdict(), "state": state or queue.ready[0], "lease": queue.lease_seconds}
        row = db.session.execute(_claim(queue), values).first()
        if row is None:
            return None
        attempts, *brought = row
        lease = cls(key, *brought)
        if queue.attempts_most and attempts > queue.attempts_most:
            lease.fail(died(queue.attempts_most))
            return None
        return lease

    def renew(self, **counted: Any) -> None:
        """Prolong the lease, and count what the queue counts. Raises LeaseLost."""
        values = {**self.values, "lease": self.queue.lease_seconds, **counted}
        self.require(db.session.execute(_renew(self.queue), values).first())

    def finish(self, state: str = "finished", error: str | None = None, in_time: bool = False) -> None:
        """Say how the job ended. Raises LeaseLost.

        A lease that has run out does no harm as long as nobody else has claimed the job; `in_time`: only while it runs.
        """
        values = {**self.values, "state": state, "error": error}
        self.require(db.session.execute(_finish(self.queue, in_time), values).first())

    def fail(self, error: str) -> None:
        """Give the job back with the error shown, to be tried again later, or stuck after too many attempts.

        Raises LeaseLost.
        """
        kept = error.replace("\0", "")[:ERROR_MOST]  # PostgreSQL keeps no NUL, and the failure must be kept
        values = {**self.values, "error": kept, "most": self.queue.attempts_most}
        self.require(db.session.execute(_fail(self.queue), values).first())

    def release(self) -> None:
        """Give the job back undone, to be tried again later."""
        db.session.execute(_release(self.queue), self.values)

    def require(self, found: Found | None) -> Found:
        """Returns what a statement that names our token has found. Raises LeaseLost when that is nothing."""
        if found is None:
            raise LeaseLost(f"{self} was taken over, or is moot")
        return found

    @property
    def values(self) -> dict[str, Any]:
        """Its key and its token, for a statement."""
        return {**self.key._asdict(), "token": self.token}


def died(attempts: int) -> str:
    """The error of a job that nobody came back from."""
    return f"Whoever works on it dies: {attempts} attempts ended without a result and without an error."


def overdue(queue: Queue, limit: int = 1000) -> list[Hinted]:
    """The jobs that are due and that nobody holds: what the schedule hints at again."""
    return [queue.address(*row) for row in db.session.execute(_overdue(queue), {"limit": limit})]


def is_overdue(queue: Queue) -> str:
    """The condition that a job is due and that nobody holds it, in SQL."""
    return f"{queue.state} = '{queue.ready[0]}' AND {DUE}"


@cache
def _claim(queue: Queue) -> TextClause:
    brought = "".join(f", {each}" for each in queue.brings)
    return text(f"""
        UPDATE {queue.table} SET token = token + 1, attempts = attempts + 1,
                                 lease_until = clock_timestamp() + make_interval(secs => :lease)
         WHERE {queue.is_it} AND {queue.state} = :state AND {DUE}
     RETURNING attempts, token{brought}
    """)


@cache
def _renew(queue: Queue) -> TextClause:
    counted = f", {queue.counts}" if queue.counts else ""
    return text(f"""
        UPDATE {queue.table} SET lease_until = clock_timestamp() + make_interval(secs => :lease){counted}
         WHERE {queue.is_held}
     RETURNING token
    """)


@cache
def _finish(queue: Queue, in_time: bool) -> TextClause:
    return text(f"""
        UPDATE {queue.table} SET {queue.state} = :state, {queue.error} = :error, lease_until = NULL, attempts = 0,
                                 {queue.ended_at} = COALESCE({queue.ended_at}, clock_timestamp())
         WHERE {queue.is_held if in_time else queue.is_ours}
     RETURNING token
    """)


@cache
def _fail(queue: Queue) -> TextClause:
    return text(f"""
        UPDATE {queue.table} SET {queue.error} = :error, {BACK_OFF},
                                 {queue.state} = CASE WHEN attempts >= :most THEN 'stuck' ELSE {queue.state} END
         WHERE {queue.is_held}
     RETURNING token
    """)


@cache
def _release(queue: Queue) -> TextClause:
    return text(f"UPDATE {queue.table} SET {BACK_OFF} WHERE {queue.is_ours}")


@cache
def _overdue(queue: Queue) -> TextClause:
    """Written for the partial index on due_at, whose condition names the state."""
    return text(f"""
        SELECT {", ".join(queue.key)} FROM {queue.table}
         WHERE {is_overdue(queue)}
         ORDER BY due_at LIMIT :limit
    """)
