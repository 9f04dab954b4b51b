"""Addresses: kinds and numbers as parts of them, and a cache of those that templates build."""

from functools import lru_cache
from typing import Any

from flask import url_for
from werkzeug.routing import BaseConverter, IntegerConverter, ValidationError

from models.kinds.catalogue import BY_PLURAL
from models.kinds.resource import Resource
from models.numbers import whole_number
from models.organisation import Organisation
from models.project import Project

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


def address_of(organisation: Organisation, project: Project, resource: Resource) -> str:
    """Returns where a resource is found for good: of one that has ended, the handle may be another one's."""
    named = {"org": organisation.handle, "project": project.handle, "kind": resource.plural, "handle": resource.handle}
    if resource.ended_at is None:
        return address("resources.show", **named)
    return address("resources.ended", **named, resource_id=resource.id)


@lru_cache(maxsize=10_000)
def _built(endpoint: str, values: tuple[tuple[str, Any], ...]) -> str:
    return url_for(endpoint, **dict(values))
