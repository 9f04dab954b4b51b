"""What everything that the log speaks of shares: a version, declared fields, and a subject."""

from functools import cache
from typing import Any, ClassVar

from sqlalchemy import Integer, inspect
from sqlalchemy.orm import Mapped, declared_attr, mapped_column

from models.database import Model
from models.errors import Invalid, StaleVersion
from models.field import Field, Logged, Shape
from models.log.record import Changes, Subject


class Tracked(Model):
    """A row whose changes become entries. Its version refuses the second of two edits of one state."""

    __abstract__ = True
    noun: ClassVar[str]
    """The log's word for it, in `resource_type` and at the beginning of sentences."""

    version: Mapped[int] = mapped_column(Integer, default=1)

    @declared_attr.directive
    @classmethod
    def __mapper_args__(cls) -> dict[str, Any]:
        """Makes every UPDATE name the version it is based on: whoever loses a race gets StaleVersion, and no entry."""
        return {"version_id_col": cls.version}

    @property
    def subject(self) -> Subject:
        """What an entry says it is about."""
        raise NotImplementedError

    @classmethod
    def fields(cls) -> dict[str, Field]:
        """Returns the declared fields by name, in the order of their columns."""
        return _fields(cls)

    def require_version(self, seen: int) -> None:
        """Raises StaleVersion if the person saw an older version than this one."""
        if seen != self.version:
            raise StaleVersion

    def assign(self, values: dict[str, Any]) -> Changes:
        """Takes the values that differ; returns what the log may say of them. Raises Invalid, naming the field."""
        changes: Changes = {}
        for name, given in values.items():
            declared = self.fields()[name]
            if declared.fixed:
                raise Invalid(f"The {declared.label.lower()} is permanent.", name)
            if declared.shape is Shape.SECRET and given in ("", None):
                continue  # left empty to keep the present value
            new = checked(name, declared, given)
            old = getattr(self, name)
            if new == old:
                continue
            setattr(self, name, new)
            changes[name] = ["changed"] if declared.logged is Logged.FACT else [old, new]
        return changes

    def fill(self, values: dict[str, Any]) -> Changes:
        """Gives a new row its first values, or defaults; returns what the log may say of them. Raises Invalid."""
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
    """Returns the value to store. Raises Invalid, naming the field."""
    try:
        return declared.check(given)
    except Invalid as error:
        raise Invalid(str(error), name) from None


@cache
def _fields(cls: type[Tracked]) -> dict[str, Field]:
    return {each.key: each.info["field"] for each in inspect(cls).columns if "field" in each.info}
