"""Snapshots of the rows of resources, and the proof that the log alone tells what they were."""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import psycopg
from psycopg import sql
from psycopg.rows import dict_row

from models.kinds.catalogue import KINDS
from models.kinds.resource import Resource
from models.log.history import state_after


class Snapshot(NamedTuple):
    """The resources as they were stored, and the newest number of each organisation at that moment."""

    heads: dict[int, int]
    rows: list[tuple[type[Resource], dict[str, Any]]]


def rows_of(superuser: psycopg.Connection, most: int | None = None) -> Snapshot:
    """Reads heads and rows as of one moment, though others write; of each kind `most` rows, anyhow chosen."""
    with psycopg.connect(superuser.info.dsn, password=superuser.info.password, row_factory=dict_row) as connection:
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        found = connection.execute("SELECT organisation_id, last_number FROM activity_heads").fetchall()
        rows = [(kind, row) for kind in KINDS for row in connection.execute(_rows(kind), {"most": most}).fetchall()]
        return Snapshot({each["organisation_id"]: each["last_number"] for each in found}, rows)


def news(taken: Sequence[Snapshot]) -> list[Snapshot]:
    """Leaves out of each snapshot but the last one what was so in the one before."""
    before: list[Any] = []
    found = []
    for each in taken:
        found.append(each._replace(rows=[row for row in each.rows if row not in before]))
        before = each.rows
    return [*found[:-1], taken[-1]]


def differences(taken: Iterable[Snapshot]) -> list[str]:
    """Everything in which the rebuilt states differ from the rows, a sentence each. Needs an application's context."""
    return [
        sentence for snapshot in taken for kind, row in snapshot.rows for sentence in _differing(snapshot, kind, row)
    ]


def _differing(snapshot: Snapshot, kind: type[Resource], row: dict[str, Any]) -> list[str]:
    number = snapshot.heads[row["organisation_id"]]
    found = state_after(kind, row["organisation_id"], row["id"], number)
    called = f"{kind.noun} {row['id']} after #{number}"
    if found is None:
        return [f"{called} has no entry"]
    told = {**found.values, "state": found.state, "has_ended": found.has_ended}
    stored = {**row, "has_ended": row["ended_at"] is not None}
    return [
        f"{called}: {name} was {stored[name]!r}, and the log says {value!r}"
        for name, value in told.items()
        if value != stored[name]
    ]


def _rows(kind: type[Resource]) -> sql.Composed:
    # Sealed values are not read: they have no place in the log.
    names = ["organisation_id", "id", "state", "ended_at", *kind.fields()]
    columns = sql.SQL(", ").join(sql.Identifier(each) for each in names if each not in kind.sealed())
    return sql.SQL("SELECT {} FROM {} ORDER BY random() LIMIT %(most)s").format(columns, sql.Identifier(kind.plural))
