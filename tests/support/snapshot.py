"""Everything that is stored, to show that nothing was changed."""

import psycopg
from psycopg import sql

TABLES = "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
DIGEST = sql.SQL("SELECT md5(string_agg(t::text, ' ' ORDER BY t::text)) FROM {} t")


def snapshot(superuser: psycopg.Connection) -> dict[str, str | None]:
    """Returns a digest of each table's rows."""
    tables = superuser.execute(TABLES).fetchall()
    return {name: digest(superuser, name) for (name,) in tables}


def digest(superuser: psycopg.Connection, table: str) -> str | None:
    """Returns a digest of the rows of a table; None where there are none."""
    [(found,)] = superuser.execute(DIGEST.format(sql.Identifier(table))).fetchall()
    return found  # type: ignore[no-any-return]
