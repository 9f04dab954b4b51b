"""What a transaction leaves to be done: jobs, written after its entries, and things for a worker to look at.

A job names the entry that causes it, and an entry has no number before the transaction ends. So verbs enqueue, and
`transaction()` flushes right before its COMMIT. The row is the job; a hint tells a worker to look, and may get lost.
"""

from dataclasses import dataclass
from typing import Any

from models.database import db
from models.jobs.queue import Hinted, Queue
from models.log.record import Record

LEFT = "outbox.left"


@dataclass(frozen=True)
class Job:
    """A job that will be a row once the entry that causes it, if there is one, has a number."""

    queue: Queue
    cause: Record | None
    nth: int
    values: dict[str, Any]

    @property
    def row(self) -> dict[str, Any]:
        """The values of its row."""
        if self.cause is None:
            return self.values
        cause = {"organisation_id": self.cause.organisation_id, "cause_number": self.cause.number + self.nth}
        return {**self.values, **cause}


def enqueue(queue: Queue, cause: Record | None, nth: int = 0, **values: Any) -> None:
    """Leave a job that follows from a recorded entry, or from the nth of several that were recorded together.

    None: from no entry, since what leads to it is not told in any organisation's log.
    """
    _left().append(Job(queue, cause, nth, values))


def look_at(key: Hinted) -> None:
    """Have a worker look at something for which there is no job, once the transaction has ended."""
    _left().append(key)


def flush() -> list[Hinted]:
    """Write the jobs, whose causes are numbered by now; returns what to hint at."""
    left = _left()
    jobs = [each for each in left if isinstance(each, Job)]
    hints: list[Hinted] = []
    for queue in sorted({each.queue for each in jobs}, key=lambda queue: queue.rank):
        rows = _last_of_each([each.row for each in jobs if each.queue is queue], queue.one_for)
        columns = {name: [row[name] for row in rows] for name in rows[0]}
        hints += [queue.address(*row) for row in db.session.execute(queue.insert, columns)]
    hints += [each for each in left if not isinstance(each, Job)]
    clear()
    return hints


def clear() -> None:
    """Forget what is left: its transaction failed, and it must not ride on the next one of this thread."""
    db.session.info.pop(LEFT, None)


def _last_of_each(rows: list[dict[str, Any]], one_for: tuple[str, ...]) -> list[dict[str, Any]]:
    if not one_for:
        return rows
    return list({tuple(row[name] for name in one_for): row for row in rows}.values())


def _left() -> list[Job | Hinted]:
    left: list[Job | Hinted] = db.session.info.setdefault(LEFT, [])
    return left
