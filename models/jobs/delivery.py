"""Deliveries: mail that a transaction leaves to be sent, a kind of job, so that nobody waits for a mail server."""

import json
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

from sqlalchemy import text

from models.database import db
from models.jobs import outbox
from models.jobs.lease import Lease
from models.jobs.queue import Queue
from models.sealed import KEYRING

CONTEXT = "mails.content"


class MailKey(NamedTuple):
    """The primary key of a mail, and the address that a hint carries."""

    id: int


MAILS = Queue(
    table="mails",
    key=MailKey._fields,
    rank=3,
    insert=text("""
        INSERT INTO mails (recipient, content)
        SELECT * FROM unnest(CAST(:recipient AS text[]), CAST(:content AS text[]))
     RETURNING id
    """),
    address=MailKey,
    lease_seconds=60,
    # Some eight hours, since the wait grows to five minutes.
    attempts_most=100,
    brings=("recipient", "content"),
)


class Letter(NamedTuple):
    """What a mail says: the name of its template, and what is filled in."""

    template: str
    values: dict[str, Any]


@dataclass(frozen=True)
class MailLease(Lease[MailKey]):
    """The right to send a mail."""

    queue: ClassVar[Queue] = MAILS

    recipient: str
    content: str

    def __str__(self) -> str:
        """As a log names it, which is to hold nobody's address."""
        return f"mail {self.key.id}"

    @property
    def letter(self) -> Letter:
        """What to send. Raises CannotOpen."""
        return Letter(*json.loads(KEYRING.open(self.content, CONTEXT)))

    def sent(self) -> None:
        """The mail server has taken it, or it is moot. Raises LeaseLost."""
        self.finish()
        self._empty()

    def give_up(self, error: str) -> None:
        """Nothing will ever take it. Raises LeaseLost."""
        self.finish("stuck", error)
        self._empty()

    def fail(self, error: str) -> None:
        """Give it back with the error shown, to be tried again, or stuck after too many attempts. Raises LeaseLost."""
        super().fail(error)
        self._empty()

    def _empty(self) -> None:
        # It may hold the key of a link, which is nobody's business once nobody will send it any more.
        db.session.execute(EMPTY, {"id": self.key.id})


def post(recipient: str, template: str, **values: Any) -> None:
    """Leave a mail to be sent once the transaction has ended. Sealed, since it may hold the key of a link."""
    content = KEYRING.seal(json.dumps([template, values]), CONTEXT)
    outbox.enqueue(MAILS, None, recipient=recipient, content=content)


EMPTY = text("UPDATE mails SET content = '' WHERE id = :id AND state <> 'ready'")
