"""What the tables of a database hold, for comparing it with what they held."""

from typing import Any

import psycopg
from psycopg import sql

Tables = list[tuple[str, list[str]]]
TABLES = """
    SELECT relname, array_agg(attname ORDER BY attnum) FROM pg_class JOIN pg_attribute ON attrelid = pg_class.oid
     WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' AND attnum > 0 AND NOT attisdropped
       AND relname <> 'alembic_version'
     GROUP BY relname ORDER BY relname
"""


def tables_of(connection: psycopg.Connection) -> Tables:
    """The tables, each with its columns."""
    return connection.execute(TABLES).fetchall()


def rows(connection: psycopg.Connection, tables: Tables) -> dict[str, list[tuple[Any, ...]]]:
    """What these columns of these tables hold."""
    found = {}
    for table, columns in tables:
        query = sql.SQL("SELECT {} FROM {} ORDER BY 1, 2").format(
            sql.SQL(", ").join(map(sql.Identifier, columns)), sql.Identifier(table)
        )
        found[table] = connection.execute(query).fetchall()
    return found
