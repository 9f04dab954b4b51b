"""Sealing everything again under the first of the ENCRYPTION_KEYS, so that an old key can be retired."""

from collections.abc import Iterator
from typing import NamedTuple

from sqlalchemy import text

from models.database import db
from models.jobs.delivery import MAILS
from models.jobs.deployment import DEPLOYMENTS
from models.kinds.catalogue import KINDS
from models.sealed import KEYRING
from models.transaction import transaction

CHUNK = 500


class Column(NamedTuple):
    """A column that holds sealed values."""

    table: str
    name: str
    key: tuple[str, ...] = ("organisation_id", "id")
    """The columns of the table's primary key."""

    @property
    def context(self) -> str:
        """What its values are bound to."""
        return f"{self.table}.{self.name}"

    @property
    def outdated(self) -> str:
        """The condition for rows whose value another key has sealed, with :current."""
        return f"{self.name} <> '' AND NOT starts_with({self.name}, :current)"


def rotate() -> Iterator[int]:
    """Seal again, a chunk a transaction; yields how many values each chunk took. Raises CannotOpen.

    No entries: the values stay what they were.
    """
    for column in _columns():
        while resealed := _reseal_chunk(column):
            yield resealed


def remaining() -> int:
    """Counts the values that are still sealed with another key."""
    return sum(_count(column) for column in _columns())


def sealed_columns() -> list[tuple[str, str]]:
    """Returns table and column of all that is sealed."""
    return [(each.table, each.name) for each in _columns()]


def _columns() -> list[Column]:
    mail = Column(MAILS.table, "content", MAILS.key)
    deployed = [Column(DEPLOYMENTS.table, name, DEPLOYMENTS.key) for name in ("specification", "output")]
    return [*(Column(kind.plural, name) for kind in KINDS for name in kind.sealed()), mail, *deployed]


def _count(column: Column) -> int:
    count = text(f"SELECT count(*) FROM {column.table} WHERE {column.outdated}")
    return int(db.session.execute(count, _current_key()).scalar_one())


def _reseal_chunk(column: Column) -> int:
    key = ", ".join(column.key)
    find = text(f"""
        SELECT {column.name}, {key} FROM {column.table} WHERE {column.outdated}
         ORDER BY {key} LIMIT :chunk FOR UPDATE
    """)
    is_it = " AND ".join(f"{each} = :{each}" for each in column.key)
    replace = text(f"UPDATE {column.table} SET {column.name} = :sealed WHERE {is_it}")
    with transaction():
        rows = db.session.execute(find, {**_current_key(), "chunk": CHUNK}).all()
        for stored, *its_key in rows:
            sealed = KEYRING.seal(KEYRING.open(stored, column.context), column.context)
            db.session.execute(replace, {"sealed": sealed, **dict(zip(column.key, its_key, strict=True))})
    return len(rows)


def _current_key() -> dict[str, str]:
    return {"current": f"{KEYRING.current}."}
