"""Who takes the money: the one thing to write for a card processor."""

from datetime import datetime
from typing import NamedTuple, Protocol
from uuid import UUID


class Collection(NamedTuple):
    """A request for money, whole: what a processor needs to know of it, and no card number."""

    id: UUID
    """The same for every repetition: a processor takes money once for it (its idempotency key)."""
    organisation_id: int
    amount_cents: int
    method: str
    """ "Visa ending 4242"."""
    expiry_year: int
    expiry_month: int
    now: datetime


class Declined(Exception):
    """The method does not pay; `str()` says why, in words that a person reads after "declined: "."""


class Provider(Protocol):
    """Takes money from a payment method."""

    def collect(self, asked: Collection) -> None:
        """Take it, once for each id however often it is asked; returns when it is certain. Raises Declined.

        Whatever else it raises means that nobody knows yet: it is asked again, with the same id.
        """


class InternalBooking:
    """For platforms that book internally: a top-up counts at once, unless the card has expired."""

    def collect(self, asked: Collection) -> None:
        """Nothing to ask anyone. Raises Declined."""
        if (asked.expiry_year, asked.expiry_month) < (asked.now.year, asked.now.month):
            raise Declined("the card has expired")


PROVIDER: Provider = InternalBooking()
