"""How long a process waits for PostgreSQL.

A server that is stopped, or a network that swallows packets, says nothing. None of the server's own timeouts helps
then, nor does TCP where the kernel still acknowledges what the server will not read: the waits must end at this end.
"""

import os
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg.abc import PQGen
from psycopg.errors import _WaitTimeout

# A connection that lost its other end is ended by TCP after some 25 seconds, idle or not.
TCP = {"keepalives_idle": 10, "keepalives_interval": 5, "keepalives_count": 3, "tcp_user_timeout": 25_000}
# The server rolls back by itself when a connection ends.
ROLLBACK_SECONDS = 1.0
LOOK_SECONDS = 0.1


@dataclass(frozen=True)
class Patience:
    """For how many seconds to wait; None for as long as it takes."""

    connect: int
    statement: int | None
    """Told to the server, which then says so and keeps the connection."""
    answer: float | None
    """What a statement may take as seen from this end; more than `statement`."""

    def arguments(self, given: dict[str, Any]) -> dict[str, Any]:
        """What to connect with, beside or instead of what the database's URL gives."""
        added: dict[str, Any] = {"connect_timeout": self.connect, **TCP, **given}
        if self.statement is not None:
            others = given.get("options") or os.environ.get("PGOPTIONS", "")
            added["options"] = f"{others} -c statement_timeout={self.statement}s".lstrip()
        return added


# A page is refused within 10 seconds, even if it waited for a thread first (web/serving/buffered.py).
OF_A_REQUEST = Patience(connect=3, statement=5, answer=6)
# A chunk takes as long as it takes; a job whose worker waits in vain is another one's when its lease has run out.
OF_WORK = Patience(connect=10, statement=None, answer=None)


class PatientConnection(psycopg.Connection[Any]):
    """A connection that ends itself when the server does not answer in time."""

    answer_seconds: float | None = None

    def wait(self, gen: PQGen[Any], interval: float = LOOK_SECONDS, timeout: float | None = None) -> Any:
        """Raises OperationalError, and is closed then: a late answer could be taken for that of another statement."""
        try:
            return super().wait(gen, interval, self.answer_seconds if timeout is None else timeout)
        except _WaitTimeout:
            if timeout is not None:
                raise
            self.pgconn.finish()
            raise psycopg.OperationalError(f"no answer from the server in {self.answer_seconds:g} s") from None

    def rollback(self) -> None:
        """Not waited for as long as what it undoes."""
        usual = self.answer_seconds
        if usual is not None:
            self.answer_seconds = ROLLBACK_SECONDS
        try:
            super().rollback()
        finally:
            self.answer_seconds = usual
