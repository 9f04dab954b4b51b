"""How long a balance lasts at the present rate, and telling once that it will not be long."""

from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import text

from models.billing.account import LEFT_TO_ITS_BALANCE
from models.billing.usage import MICROCENTS, MINUTE, PRICES
from models.database import db

LOW = timedelta(days=1)


class Runway(NamedTuple):
    """A balance, and what is taken off it."""

    balance_cents: int
    microcents_a_minute: int

    @property
    def hours(self) -> int:
        """For how many full hours it lasts; 0 when nothing is left."""
        left = max(0, self.balance_cents) * MICROCENTS // self.microcents_a_minute
        return left * MINUTE // timedelta(hours=1)


def running_low() -> list[int]:
    """Returns the organisations whose balance does not last much longer and will not fill itself, yet to be told."""
    return list(db.session.scalars(RUNNING_LOW, VALUES))


def take_untold(organisation_id: int, now: datetime) -> Runway | None:
    """Returns how long the balance lasts when that is to be told, and counts it as told until the next top-up."""
    row = db.session.execute(TAKE, {**VALUES, "organisation": organisation_id, "now": now}).one_or_none()
    return Runway(*row) if row else None


RATE = "(cpu_millicores * :cpu + memory_mib * :memory + cache_mib * :cache)"
VALUES = {
    "cpu": PRICES.cpu_millicores,
    "memory": PRICES.memory_mib,
    "cache": PRICES.cache_mib,
    "minutes": LOW // MINUTE,
    "microcents": MICROCENTS,
}
# An automatic top-up comes before the balance is low, unless the card was declined or there is none any more.
LOW_NOW = f"""
    low_told_at IS NULL AND {RATE} > 0 AND balance_cents * :microcents < {RATE} * :minutes
    AND (NOT auto_top_up OR retry_at IS NOT NULL OR NOT EXISTS (
         SELECT FROM payment_methods WHERE payment_methods.organisation_id = account.organisation_id AND is_default))
"""
RUNNING_LOW = text(f"""
    SELECT account.organisation_id FROM billing_accounts AS account
      JOIN organisations ON organisations.id = account.organisation_id
     WHERE {LOW_NOW} AND {LEFT_TO_ITS_BALANCE}
     ORDER BY account.organisation_id
""")
TAKE = text(f"""
    UPDATE billing_accounts AS account SET low_told_at = :now
     WHERE organisation_id = :organisation AND {LOW_NOW}
 RETURNING balance_cents, CAST({RATE} AS bigint)
""")
