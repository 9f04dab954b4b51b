"""Every movement of a balance, and the lines in which people read them."""

from datetime import datetime
from itertools import groupby
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import BigInteger, DateTime, Identity, Integer, String, Uuid, func, select
from sqlalchemy.orm import Mapped, mapped_column

from models.billing.usage import MINUTE
from models.database import Model, db

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


class Line(NamedTuple):
    """A line of the ledger as people read it: a top-up, or the charges of an hour together."""

    kind: str
    at: datetime
    description: str
    amount_cents: int
    balance_after_cents: int
    charged_from: datetime | None
    charged_until: datetime | None


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
            )
        )
        oldest = first.id
    return found, oldest if len(rows) == SCANNED else None


def _hour(row: LedgerRow) -> tuple[str, datetime | int]:
    """What rows of one line have in common: the hour of a charge; a top-up stands alone."""
    if row.charged_until is None:
        return row.kind, row.id
    return row.kind, (row.charged_until - MINUTE).replace(minute=0, second=0, microsecond=0)
