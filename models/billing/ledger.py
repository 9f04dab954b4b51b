"""Every movement of a balance, and the lines in which people read them."""

from datetime import datetime
from itertools import groupby
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import BigInteger, DateTime, Identity, Integer, String, Uuid, exists, func, select, text
from sqlalchemy.orm import Mapped, mapped_column

from models.billing.usage import MINUTE
from models.database import Model, db, read
from models.log.record import Record, name_in

LATEST = 2**63 - 1
# Rows read for a page of lines: more than a day of a charge a minute.
SCANNED = 2000


class LedgerRow(Model):
    """One movement of the balance, in cents; rows are only ever added."""

    __tablename__ = "ledger"

    organisation_id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.clock_timestamp())
    kind: Mapped[str] = mapped_column(String(16))
    """top_up or charge."""
    amount_cents: Mapped[int] = mapped_column(BigInteger)
    balance_after_cents: Mapped[int] = mapped_column(BigInteger)
    description: Mapped[str] = mapped_column(String(200))
    charged_from: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    charged_until: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    """Begin and end of the time that a charge pays for."""
    request_id: Mapped[UUID | None] = mapped_column(Uuid)
    """The form that asked for a top-up: the same form sent twice moves money once."""
    entry_number: Mapped[int | None] = mapped_column(BigInteger)
    """The entry that tells of a top-up; none tells of a charge, nor of a few top-ups of old versions."""


class Line(NamedTuple):
    """A line of the ledger as people read it: a top-up, or the charges of an hour together."""

    kind: str
    at: datetime
    description: str
    amount_cents: int
    balance_after_cents: int
    charged_from: datetime | None
    charged_until: datetime | None
    entry_number: int | None


def is_booked(organisation_id: int, request_id: UUID) -> bool:
    """Whether the top-up that a form asked for is in the ledger."""
    mine = LedgerRow.organisation_id == organisation_id, LedgerRow.request_id == request_id
    return bool(db.session.scalar(select(exists().where(*mine))))


def book_top_up(
    told_by: Record, organisation_id: int, amount_cents: int, after_cents: int, description: str, request_id: UUID
) -> None:
    """Adds a top-up to the ledger as the transaction ends, with the number of the entry that tells of it."""
    values = {"organisation": organisation_id, "amount": amount_cents, "after": after_cents}
    name_in(told_by, BOOK_TOP_UP, **values, description=description, request=request_id)


def below_which(organisation_id: int, entry_number: int) -> int | None:
    """Returns the id below which a page of lines begins with the top-up that an entry tells of, if it tells of one."""
    found = read(FIND_TOP_UP, {"organisation": organisation_id, "number": entry_number})
    return int(found[0][0]) + 1 if found else None


def movements(organisation_id: int, before: int = LATEST, size: int = 50) -> list[LedgerRow]:
    """Returns the rows of an organisation below the id `before`, newest first."""
    mine = select(LedgerRow).where(LedgerRow.organisation_id == organisation_id, LedgerRow.id < before)
    return list(db.session.scalars(mine.order_by(LedgerRow.id.desc()).limit(size)))


def lines(organisation_id: int, before: int = LATEST, size: int = 50) -> tuple[list[Line], int | None]:
    """Returns the lines below the row id `before`, newest first, and the id below which the next page begins.

    That id is None on the last page. A charge a minute would bury the top-ups, so charges of one hour that follow each
    other are one line.
    """
    rows = movements(organisation_id, before, SCANNED)
    found: list[Line] = []
    oldest = None
    for (kind, _), group in groupby(rows, _hour):
        if len(found) == size:
            return found, oldest
        together = list(group)
        newest, first = together[0], together[-1]
        found.append(
            Line(
                kind,
                newest.at,
                newest.description,
                sum(each.amount_cents for each in together),
                newest.balance_after_cents,
                first.charged_from,
                newest.charged_until,
                newest.entry_number,
            )
        )
        oldest = first.id
    return found, oldest if len(rows) == SCANNED else None


def _hour(row: LedgerRow) -> tuple[str, datetime | int]:
    """What rows of one line have in common: the hour of a charge; a top-up stands alone."""
    if row.charged_until is None:
        return row.kind, row.id
    return row.kind, (row.charged_until - MINUTE).replace(minute=0, second=0, microsecond=0)


BOOK_TOP_UP = text("""
    INSERT INTO ledger (
        organisation_id, kind, amount_cents, balance_after_cents, description, request_id, entry_number)
    VALUES (:organisation, 'top_up', :amount, :after, :description, :request, :number)
""")
FIND_TOP_UP = text("SELECT id FROM ledger WHERE organisation_id = :organisation AND entry_number = :number")
