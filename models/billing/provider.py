"""Who takes the money: the one thing to write for a card processor."""

from datetime import datetime
from typing import NamedTuple, Protocol
from uuid import UUID


class Collection(NamedTuple):
    """A request for money: all that a processor needs to know of it, and no card number."""

    id: UUID
    """The idempotency key: however often the request is repeated, a processor takes money for it once."""
    organisation_id: int
    amount_cents: int
    method: str
    """What people call the card, such as "Visa ending 4242"."""
    expiry_year: int
    expiry_month: int
    now: datetime


class Declined(Exception):
    """The card does not pay; `str()` says why, in words that a person reads after "declined: "."""


class Provider(Protocol):
    """What takes money from a payment method."""

    def collect(self, asked: Collection) -> None:
        """Take the money, once for each id however often it is asked; return when that is certain. Raises Declined.

        Any other exception means that nobody knows yet, and the request is repeated with the same id.
        """


class InternalBooking:
    """For platforms that book internally: a top-up counts at once, unless the card has expired."""

    def collect(self, asked: Collection) -> None:
        """Take the money without asking anyone. Raises Declined when the card has expired."""
        if (asked.expiry_year, asked.expiry_month) < (asked.now.year, asked.now.month):
            raise Declined("the card has expired")


PROVIDER: Provider = InternalBooking()
