"""Addresses: parts that are not plain strings, and building the same ones over and over."""

from functools import lru_cache
from typing import Any

from flask import url_for
from werkzeug.routing import BaseConverter

from models.kinds.catalogue import BY_PLURAL


class KindConverter(BaseConverter):
    """The plural of a kind; anything else is no address of ours."""

    # Werkzeug matches by this; without it an unknown kind would answer 405 instead of 404.
    regex = "|".join(BY_PLURAL)


def address(endpoint: str, **values: Any) -> str:
    """`url_for` for templates: the same few addresses stand on every page, and never change while we run."""
    return _built(endpoint, tuple(values.items()))


@lru_cache(maxsize=10_000)
def _built(endpoint: str, values: tuple[tuple[str, Any], ...]) -> str:
    return url_for(endpoint, **dict(values))
