"""Addresses: kinds and numbers as parts of them, and a cache of those that templates build."""

from functools import lru_cache
from typing import Any

from flask import url_for
from werkzeug.routing import BaseConverter, IntegerConverter, ValidationError

from models.kinds.catalogue import BY_PLURAL
from models.numbers import whole_number

# Of a bigint.
LARGEST = 2**63 - 1


class KindConverter(BaseConverter):
    """The part of an address that names a kind, by its plural."""

    # Without it, an unknown kind would be answered with 405 instead of 404.
    regex = "|".join(BY_PLURAL)


class NumberConverter(IntegerConverter):
    """The part of an address that is a number, in digits as everywhere else; a larger one than any row has is none."""

    regex = "[0-9]+"

    def to_python(self, value: str) -> int:
        """Returns the number. Raises ValidationError: then nothing has this address."""
        try:
            return whole_number(value, LARGEST)
        except ValueError:
            raise ValidationError from None


def address(endpoint: str, **values: Any) -> str:
    """Returns what `url_for` returns, cached: the same few addresses stand on every page and never change."""
    return _built(endpoint, tuple(values.items()))


@lru_cache(maxsize=10_000)
def _built(endpoint: str, values: tuple[tuple[str, Any], ...]) -> str:
    return url_for(endpoint, **dict(values))
