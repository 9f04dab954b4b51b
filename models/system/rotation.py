"""Sealing everything again under the first of the ENCRYPTION_KEYS, so that an old key can be retired."""

from collections.abc import Iterator

from sqlalchemy import text

from models.database import db
from models.kinds.catalogue import KINDS
from models.kinds.resource import Resource
from models.sealed import KEYRING
from models.transaction import transaction

CHUNK = 500


def rotate() -> Iterator[int]:
    """Seal again, a chunk a transaction; yields how many values each chunk took. Raises CannotOpen.

    No entries: the values stay what they were.
    """
    for kind in KINDS:
        for name in kind.sealed():
            while resealed := _chunk(kind, name):
                yield resealed


def remaining() -> int:
    """How many values are still sealed with another key."""
    counted = (
        db.session.execute(
            text(f"SELECT count(*) FROM {kind.plural} WHERE {name} <> '' AND NOT starts_with({name}, :key)"),  # noqa: S608
            {"key": f"{KEYRING.current}."},
        ).scalar_one()
        for kind in KINDS
        for name in kind.sealed()
    )
    return sum(map(int, counted))


def _chunk(kind: type[Resource], name: str) -> int:
    place = f"{kind.plural}.{name}"
    with transaction():
        rows = db.session.execute(
            text(f"""
                SELECT organisation_id, id, {name} AS stored FROM {kind.plural}
                 WHERE {name} <> '' AND NOT starts_with({name}, :key)
                 ORDER BY organisation_id, id LIMIT :chunk FOR UPDATE
            """),  # noqa: S608 (names from our own classes)
            {"key": f"{KEYRING.current}.", "chunk": CHUNK},
        ).all()
        for row in rows:
            db.session.execute(
                text(f"""
                    UPDATE {kind.plural} SET {name} = :sealed WHERE organisation_id = :organisation AND id = :id
                """),  # noqa: S608
                {
                    "sealed": KEYRING.seal(KEYRING.open(row.stored, place), place),
                    "organisation": row.organisation_id,
                    "id": row.id,
                },
            )
    return len(rows)
