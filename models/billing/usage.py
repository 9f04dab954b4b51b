"""Usage: how much of what is paid for is in use, and what a minute of it costs.

At every full minute, whatever is in use costs a minute of its price: what the engine runs while it is seen running,
everything else as long as it exists. Each change of what is in use adds a row to usage_changes, in the transaction of
that change, so that a charge that comes hours later still knows every minute. A charge takes the rows over into the
account.
"""

from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from sqlalchemy import text

from models.database import db

MINUTE = timedelta(minutes=1)
MICROCENTS = 1_000_000
HOURS_A_MONTH = 730
CACHE = "Memcached"
"""How the price list and the ledger call memory for caching (`cache_mib`)."""


class Usage(NamedTuple):
    """An amount of everything that is paid for."""

    cpu_millicores: int = 0
    memory_mib: int = 0
    cache_mib: int = 0

    def plus(self, other: "Usage") -> "Usage":
        """Returns both amounts together."""
        return Usage(*(mine + its for mine, its in zip(self, other, strict=True)))

    def minus(self, other: "Usage") -> "Usage":
        """Returns this amount without the other; what went up and what went down keep their signs."""
        return Usage(*(mine - its for mine, its in zip(self, other, strict=True)))

    def __str__(self) -> str:
        parts = [f"{self.cpu_millicores:,} millicores, {self.memory_mib:,} MiB"] if self.memory_mib else []
        parts += [f"{CACHE.lower()} {self.cache_mib:,} MiB"] if self.cache_mib else []
        return "; ".join(parts) or "nothing any more"

    @property
    def microcents_a_minute(self) -> int:
        """The price of a minute, in millionths of a cent."""
        return sum(amount * price for amount, price in zip(self, PRICES, strict=True))

    def minutes_from(self, cents: int) -> int | None:
        """Returns for how many minutes a balance pays for it; None for ever."""
        price = self.microcents_a_minute
        return max(0, cents) * MICROCENTS // price if price else None

    @property
    def microcents_an_hour(self) -> int:
        """The price of an hour, in millionths of a cent."""
        return 60 * self.microcents_a_minute


PRICES = Usage(cpu_millicores=50, memory_mib=8, cache_mib=12)
"""What a minute costs, in millionths of a cent: a millicore, a MiB, a MiB of a cache's node. Whole numbers, so that an
hour costs exactly what its minutes cost one by one."""


class Price(NamedTuple):
    """A line of the price list."""

    label: str
    unit: str
    """How much the price is for, in words."""
    amount: Usage


PRICE_LIST = (
    Price("CPU", "a core (1,000 millicores)", Usage(cpu_millicores=1000)),
    Price("Memory", "a GiB (1,024 MiB)", Usage(memory_mib=1024)),
    Price(CACHE, "a GiB of each node", Usage(cache_mib=1024)),
)


def change(organisation_id: int, by: Usage) -> None:
    """Note that more or less is in use from now on."""
    if any(by):
        db.session.execute(CHANGE, {"organisation": organisation_id, **by._asdict()})


def full_minute(moment: datetime) -> datetime:
    """Returns the first full minute that is not before the moment: what began then is charged from there on."""
    whole = moment.astimezone(UTC).replace(second=0, microsecond=0)
    return whole if whole == moment else whole + MINUTE


def charge(organisation_id: int, until: datetime) -> None:
    """Charge every full minute before `until` that was not charged yet, in one row of the ledger.

    The account is locked, so of two who charge at once the second finds nothing left. Amounts below a cent are kept
    until there is a cent. Does nothing while the organisation is not active: nothing runs then.
    """
    key = {"organisation": organisation_id}
    account = db.session.execute(LOCK, key).one()
    # Read after the lock was granted: a suspension that came first has committed by now.
    if until <= account.charged_until or db.session.execute(STATE, key).scalar_one() != "active":
        return
    alive = Usage(account.cpu_millicores, account.memory_mib, account.cache_mib)
    owed, moment = account.owed_microcents, account.charged_until
    taken = db.session.execute(TAKE, {**key, "until": until})
    for at, *amounts in sorted(taken):
        counts_from = min(until, max(moment, full_minute(at)))
        owed += alive.microcents_a_minute * ((counts_from - moment) // MINUTE)
        alive, moment = alive.plus(Usage(*amounts)), counts_from
    owed += alive.microcents_a_minute * ((until - moment) // MINUTE)
    cents, owed = divmod(owed, MICROCENTS)
    values = {**key, **alive._asdict(), "owed": owed, "cents": cents, "until": until}
    balance = db.session.execute(CHARGED, values).scalar_one()
    if cents:
        row = {
            "cents": cents,
            "balance": balance,
            "from": account.booked_until,
            "until": until,
            "what": f"Usage: {alive}",
        }
        db.session.execute(BOOK, {**key, **row})


def clear_exhausted(organisation_id: int) -> None:
    """Clear the exhausted flag: the organisation is suspended now."""
    db.session.execute(CLEAR_EXHAUSTED, {"organisation": organisation_id})


def skip_until(organisation_id: int, moment: datetime) -> None:
    """Charge nothing that ran before the moment: until then it was suspended."""
    db.session.execute(SKIP, {"organisation": organisation_id, "moment": moment})


def in_use(organisation_id: int) -> Usage:
    """Returns what is in use now: what the account knows of, and what has changed since."""
    return Usage(*map(int, db.session.execute(ALIVE, {"organisation": organisation_id}).one()))


CHANGE = text("""
    INSERT INTO usage_changes (organisation_id, cpu_millicores, memory_mib, cache_mib)
    VALUES (:organisation, :cpu_millicores, :memory_mib, :cache_mib)
""")
# The active organisations that owe a cent for the time before `until`, the column of a table `round` that whoever
# asks brings along. Who owes less is left alone: nobody would see it. Changes are taken over at the next full minute.
CHARGEABLE = f"""
    SELECT organisation_id FROM billing_accounts AS account
      JOIN organisations ON organisations.id = organisation_id CROSS JOIN round
     WHERE state = 'active' AND charged_until < until
       AND (owed_microcents + EXTRACT(EPOCH FROM until - charged_until) / 60 * (
                cpu_millicores * {PRICES.cpu_millicores} + memory_mib * {PRICES.memory_mib}
                + cache_mib * {PRICES.cache_mib}) >= {MICROCENTS}
            OR EXISTS (SELECT FROM usage_changes
                        WHERE usage_changes.organisation_id = account.organisation_id AND taken_at IS NULL))
     ORDER BY organisation_id
"""
LOCK = text("""
    SELECT cpu_millicores, memory_mib, cache_mib, charged_until, booked_until, owed_microcents
      FROM billing_accounts WHERE organisation_id = :organisation FOR NO KEY UPDATE
""")
STATE = text("SELECT state FROM organisations WHERE id = :organisation")
TAKE = text("""
    SELECT at, cpu_millicores, memory_mib, cache_mib FROM take_usage(:organisation, :until)
""")
CHARGED = text("""
    UPDATE billing_accounts
       SET cpu_millicores = :cpu_millicores, memory_mib = :memory_mib, cache_mib = :cache_mib,
           charged_until = :until, owed_microcents = :owed, balance_cents = balance_cents - :cents,
           booked_until = CASE WHEN :cents > 0 THEN :until ELSE booked_until END,
           exhausted = CASE WHEN :cents > 0 THEN balance_cents - :cents <= 0 ELSE exhausted END
     WHERE organisation_id = :organisation
 RETURNING balance_cents
""")
BOOK = text("""
    INSERT INTO ledger (
        organisation_id, kind, amount_cents, balance_after_cents, description, charged_from, charged_until)
    VALUES (:organisation, 'charge', -:cents, :balance, :what, :from, :until)
""")
CLEAR_EXHAUSTED = text("UPDATE billing_accounts SET exhausted = false WHERE organisation_id = :organisation")
SKIP = text("""
    UPDATE billing_accounts SET charged_until = GREATEST(charged_until, :moment),
                                booked_until = GREATEST(booked_until, :moment)
     WHERE organisation_id = :organisation
""")
ALIVE = text("""
    SELECT account.cpu_millicores + COALESCE(sum(changed.cpu_millicores), 0),
           account.memory_mib + COALESCE(sum(changed.memory_mib), 0),
           account.cache_mib + COALESCE(sum(changed.cache_mib), 0)
      FROM billing_accounts AS account LEFT JOIN usage_changes AS changed
        ON changed.organisation_id = account.organisation_id AND taken_at IS NULL
     WHERE account.organisation_id = :organisation
     GROUP BY account.organisation_id
""")
