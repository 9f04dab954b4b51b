"""Money is a whole number of cents; this is how people write and read it."""

import re
from decimal import Decimal

from models.errors import Invalid
from models.numbers import whole_number

CURRENCY = "€"
TOP_UP_LEAST, TOP_UP_MOST = 100, 1_000_000
# More than any amount has, cut before it is read.
TYPED_MOST = 50
_PLAIN = re.compile(r"[0-9]+(?:[.,][0-9]{0,2})?|[.,][0-9]{1,2}")
_ENGLISH = re.compile(r"[0-9]{1,3}(?:,[0-9]{3})+(?:\.[0-9]{1,2})?")
_CONTINENTAL = re.compile(r"[0-9]{1,3}(?:\.[0-9]{3})+,[0-9]{1,2}|[0-9]{1,3}(?:\.[0-9]{3}){2,}")


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
    """Cents from what a person typed: "12.50", "12,50", "1,234.50" or "1.234,50". Raises Invalid.

    `least` and `most` are cents. What could be read in two ways is refused: "1.000" is a thousand to some, and one to
    others.
    """
    text = _without_currency(typed)
    if _ENGLISH.fullmatch(text):
        text = text.replace(",", "")
    elif _CONTINENTAL.fullmatch(text):
        text = text.replace(".", "")
    cents = None
    if _PLAIN.fullmatch(text):
        euros, _, fraction = text.replace(",", ".").partition(".")
        cents = whole_number(euros + fraction.ljust(2, "0"))
    if cents is None or not least <= cents <= most:
        raise Invalid(f"Enter an amount from {shown(least)} to {shown(most)}, such as 25.00.", field)
    return cents


def is_plain(typed: str) -> bool:
    """Whether an amount was typed without groups, so that nobody can have meant another one."""
    return _PLAIN.fullmatch(_without_currency(typed)) is not None


def _without_currency(typed: str) -> str:
    return typed.strip().removeprefix(CURRENCY).strip()[:TYPED_MOST]


def require_amount(cents: int, field: str, least: int = TOP_UP_LEAST) -> None:
    """Raises Invalid: whichever door an amount comes through, money is not taken out by topping up."""
    if not least <= cents <= TOP_UP_MOST:
        raise Invalid(f"Enter an amount from {shown(least)} to {shown(TOP_UP_MOST)}.", field)
