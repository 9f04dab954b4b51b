"""What something would cost, for the form that it is typed into."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from models.billing.usage import HOURS_A_MONTH, MICROCENTS, Usage
from models.errors import Invalid
from models.field import Shape
from models.kinds.resource import Resource


class Price(NamedTuple):
    """A price as the form shows it, which asks for it again when one of the fields that make it changes."""

    cents_a_month: int
    url: str
    after: str
    """The last field that it is made of, under which it stands."""
    fields: str
    """The selector of these fields: nothing else that is typed becomes part of an address."""


def price(kind: type[Resource], typed: Mapping[str, Any], url: str) -> Price | None:
    """Returns the price of what is typed, with the usual value for what is no number yet; None for what is free."""
    thing = kind()
    names = [name for name, declared in kind.fields().items() if declared.shape in (Shape.NUMBER, Shape.CHOICE)]
    for name in names:
        declared = kind.fields()[name]
        given = str(typed.get(name, declared.default))
        try:
            # Nothing looks into what is too long.
            is_short = declared.length.complaint(declared.label, given) is None
            setattr(thing, name, declared.check(given) if is_short else declared.default)
        except Invalid:
            setattr(thing, name, declared.default)
    if thing.uses == Usage():
        return None
    cents = thing.uses.microcents_an_hour * HOURS_A_MONTH // MICROCENTS
    return Price(cents, url, names[-1], ", ".join(f"[name={name}]" for name in names))
