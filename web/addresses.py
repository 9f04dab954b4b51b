"""Addresses: the kind as a part of them, and a cache of those that templates build."""

from functools import lru_cache
from typing import Any

from flask import url_for
from werkzeug.routing import BaseConverter

from models.kinds.catalogue import BY_PLURAL


class KindConverter(BaseConverter):
    """The part of an address that names a kind, by its plural."""

    # Without it, an unknown kind would be answered with 405 instead of 404.
    regex = "|".join(BY_PLURAL)


def address(endpoint: str, **values: Any) -> str:
    """Returns what `url_for` returns, cached: the same few addresses stand on every page and never change."""
    return _built(endpoint, tuple(values.items()))


@lru_cache(maxsize=10_000)
def _built(endpoint: str, values: tuple[tuple[str, Any], ...]) -> str:
    return url_for(endpoint, **dict(values))
