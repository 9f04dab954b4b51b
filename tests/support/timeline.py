"""Another timeline: the whole database as it was, put back as a restore of its dump would."""

from dataclasses import dataclass

import psycopg
from psycopg import sql

# As tests/support/empty.sql does: only a superuser who first takes the log's guards off can. What is on even for a
# replica are the guards; what is off afterwards were.
GUARDS = """
    DO $$
    DECLARE each record;
    BEGIN
        FOR each IN SELECT CAST(CAST(tgrelid AS regclass) AS text) AS guarded, tgname FROM pg_trigger
                     WHERE NOT tgisinternal AND tgenabled = '{}' LOOP
            EXECUTE format('ALTER TABLE %s {} TRIGGER %I', each.guarded, each.tgname);
        END LOOP;
    END $$;
"""
GUARDS_OFF = "SET LOCAL session_replication_role = replica;" + GUARDS.format("A", "DISABLE")
GUARDS_ON = GUARDS.format("D", "ENABLE ALWAYS")
TABLES = "SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'alembic_version'"
SEQUENCES = "SELECT sequencename, COALESCE(last_value, 1), last_value IS NOT NULL FROM pg_sequences"


@dataclass(frozen=True)
class Dump:
    """All rows of all tables, and where the sequences stood."""

    rows: dict[str, bytes]
    sequences: list[tuple[str, int, bool]]


def dump(superuser_url: str) -> Dump:
    """The database as it is now."""
    rows = {}
    with psycopg.connect(superuser_url) as connection:
        for (table,) in connection.execute(TABLES).fetchall():
            copying = sql.SQL("COPY {} TO STDOUT").format(sql.Identifier(table))
            with connection.cursor().copy(copying) as copy:
                rows[table] = b"".join(bytes(each) for each in copy)
        sequences = connection.execute(SEQUENCES).fetchall()
    return Dump(rows, sequences)


def restore(superuser_url: str, kept: Dump) -> None:
    """The database as it was then; whoever is connected sees it from the next transaction on."""
    with psycopg.connect(superuser_url) as connection:
        connection.execute(GUARDS_OFF)
        for table, rows in kept.rows.items():
            connection.execute(sql.SQL("DELETE FROM {}").format(sql.Identifier(table)))
            with connection.cursor().copy(sql.SQL("COPY {} FROM STDIN").format(sql.Identifier(table))) as copy:
                copy.write(rows)
        for name, value, called in kept.sequences:
            connection.execute("SELECT setval(quote_ident(%s)::regclass, %s, %s)", (name, value, called))
        connection.execute(GUARDS_ON)
