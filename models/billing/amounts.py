"""Money is a whole number of cents; this is how people write and read it."""

from decimal import Decimal

from models.errors import Invalid
from models.numbers import whole_number

CURRENCY = "€"
TOP_UP_LEAST, TOP_UP_MOST = 100, 1_000_000


def shown(cents: int) -> str:
    """1234550 -> "€12,345.50"."""
    sign = "-" if cents < 0 else ""
    return f"{sign}{CURRENCY}{abs(cents) // 100:,}.{abs(cents) % 100:02}"


def shown_finely(microcents: int) -> str:
    """1_843_200 -> "€0.018": a price too small for cents, in three digits that say something."""
    euros = Decimal(microcents) / 100_000_000
    return f"{CURRENCY}{euros:,.2f}" if euros >= 1 or not euros else f"{CURRENCY}{_rounded(euros)}"


def _rounded(euros: Decimal) -> str:
    places = max(2, 2 - euros.adjusted() - 1)
    return f"{euros:.{places + 1}f}".rstrip("0").ljust(4, "0")


def parsed(typed: str, field: str, least: int, most: int) -> int:
    """Cents from what a person typed, "12.50" or "12,50". Raises Invalid; `least` and `most` are cents."""
    complaint = f"Enter an amount from {shown(least)} to {shown(most)}, such as 25.00."
    text = typed.strip().removeprefix(CURRENCY).strip()
    # The last comma is a decimal one when one or two digits follow it, else it groups thousands.
    whole, comma, fraction = text.rpartition(",")
    if comma and "." not in text and len(fraction) in (1, 2):
        text = f"{whole}.{fraction}"
    euros, _, fraction = text.replace(",", "").partition(".")
    below_a_cent = fraction[2:].strip("0")
    try:
        cents = whole_number(euros + fraction[:2].ljust(2, "0"))
    except ValueError:
        raise Invalid(complaint, field) from None
    if below_a_cent or not (euros or fraction) or not least <= cents <= most:
        raise Invalid(complaint, field)
    return cents


def require_amount(cents: int, field: str, least: int = TOP_UP_LEAST) -> None:
    """Raises Invalid: whichever door an amount comes through, money is not taken out by topping up."""
    if not least <= cents <= TOP_UP_MOST:
        raise Invalid(f"Enter an amount from {shown(least)} to {shown(TOP_UP_MOST)}.", field)
