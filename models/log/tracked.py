"""What everything the log speaks of has in common: a version, fields, and a subject."""

from functools import cache
from typing import Any, ClassVar

from sqlalchemy import Integer, inspect
from sqlalchemy.orm import Mapped, declared_attr, mapped_column

from models.database import Model
from models.errors import Invalid, StaleVersion
from models.field import Field, Logged, Shape
from models.log.record import Changes, Subject


class Tracked(Model):
    """A row whose changes become entries. The version refuses two edits of the same state."""

    __abstract__ = True
    noun: ClassVar[str]
    """The log's word for it: the resource type of its entries."""

    version: Mapped[int] = mapped_column(Integer, default=1)

    @declared_attr.directive
    @classmethod
    def __mapper_args__(cls) -> dict[str, Any]:
        """Let every UPDATE name the version it was based on: a lost race is StaleVersion, never a second entry."""
        return {"version_id_col": cls.version}

    @property
    def subject(self) -> Subject:
        """What an entry about it says it is about."""
        raise NotImplementedError

    @classmethod
    def fields(cls) -> dict[str, Field]:
        """The declared fields, in the order of their columns."""
        return _fields(cls)

    def require_version(self, seen: int) -> None:
        """Raises StaleVersion when the page that sent the change showed an older state."""
        if seen != self.version:
            raise StaleVersion

    def assign(self, values: dict[str, Any]) -> Changes:
        """Take the values that differ and tell what the log may say of it. Raises Invalid, naming the field."""
        changes: Changes = {}
        for name, given in values.items():
            declared = self.fields()[name]
            if declared.fixed:
                raise Invalid(f"The {declared.label.lower()} is permanent.", name)
            if declared.shape is Shape.SECRET and given in ("", None):
                continue  # left empty: it stays what it is
            new = checked(name, declared, given)
            old = getattr(self, name)
            if new == old:
                continue
            setattr(self, name, new)
            changes[name] = ["changed"] if declared.logged is Logged.FACT else [old, new]
        return changes

    def fill(self, values: dict[str, Any]) -> Changes:
        """Give a new row its first values, defaults where none is given; returns what the log may show of them."""
        unknown = values.keys() - self.fields().keys()
        if unknown:
            raise KeyError(f"{type(self).__name__} has no field {', '.join(sorted(unknown))}")
        changes: Changes = {}
        for name, declared in self.fields().items():
            value = checked(name, declared, values.get(name, declared.default))
            setattr(self, name, value)
            if declared.logged is Logged.VALUE and value not in (None, "", []):
                changes[name] = [None, value]
        return changes


class Owned(Tracked):
    """Something tracked that belongs to an organisation, whose id comes first in its key."""

    __abstract__ = True

    organisation_id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)


def checked(name: str, declared: Field, given: Any) -> Any:
    """The value as stored. Raises Invalid that knows which input it is about."""
    try:
        return declared.check(given)
    except Invalid as error:
        raise Invalid(str(error), name) from None


@cache
def _fields(cls: type[Tracked]) -> dict[str, Field]:
    return {each.key: each.info["field"] for each in inspect(cls).columns if "field" in each.info}
