"""What a migration does to have the database ask for entries: which tables, and which changes of their rows.

A change that no entry of the same transaction speaks of is refused at COMMIT (0023_owed.sql). What is not named as
observed is tracked, so a new column is asked about unless somebody says otherwise.
"""

from collections.abc import Sequence

from alembic import op
from sqlalchemy import text

from models.migrations.sql import execute

# What the log never speaks of: how often a row has changed and when it was made, and what was seen of what runs.
OBSERVED = (
    "version",
    "created_at",
    "revision",
    "deployed_revision",
    "status",
    "status_reason",
    "deployed_uses",
)


def track_kind(noun: str, table: str, sealed: Sequence[str] = ()) -> None:
    """Asks for an entry about every change of a kind's rows; again, after it has got another column.

    `sealed` are the columns that are encrypted at rest.
    """
    known = op.get_bind().execute(COLUMNS, {"table": table}).scalars().all()
    # What ends a row comes first: of a cascade nothing else is compared.
    plain = sorted({*known} - {*OBSERVED, *sealed, "organisation_id", "id"}, key=lambda name: name != "state")
    changed = [f"o.{name} IS DISTINCT FROM n.{name}" for name in plain]
    track(noun, table, " OR ".join([*changed, *map(_resealed, sealed)]))


def _resealed(name: str) -> str:
    # Sealing the same value again with another key is no change, and the only one that leaves the version as it was.
    key_ids = f"split_part(o.{name}, '.', 1) = split_part(n.{name}, '.', 1)"
    return f"o.{name} <> n.{name} AND (o.version <> n.version OR '' IN (o.{name}, n.{name}) OR {key_ids})"


def track(noun: str, table: str, changed: str, id: str = "{}.id", organisation: str = "{}.organisation_id") -> None:
    """Asks for an entry about every row that is inserted, deleted or `changed`, in SQL of its o(ld) and n(ew).

    `id` and `organisation` are what the entry names, in SQL of a row.
    """
    statements = TRACK
    given = {"noun": noun, "table": table, "changed": changed}
    for row in "on":
        given |= {f"id of {row}": id.format(row), f"organisation of {row}": organisation.format(row)}
    for name, value in given.items():
        statements = statements.replace(f"<{name}>", value)
    execute(statements)


COLUMNS = text("""
    SELECT attname FROM pg_attribute
     WHERE attrelid = CAST(:table AS regclass) AND attnum > 0 AND NOT attisdropped ORDER BY attnum
""")
# A statement at a time: what a cascade has changed is compared as two sets. A row that has got another key is one that
# was not there before. The functions are the owner's, since the application's role has no right on what they write to.
# TRUNCATE shows no rows, so they are counted before.
TRACK = """
CREATE OR REPLACE FUNCTION <table>_owe() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    IF TG_OP = 'UPDATE' THEN
        PERFORM public.owe_entries(<organisation of n>, '<noun>', array_agg(<id of n>))
           FROM new_rows AS n LEFT JOIN old_rows AS o
             ON <organisation of o> = <organisation of n> AND <id of o> = <id of n>
          WHERE <organisation of o> IS NULL OR <changed>
          GROUP BY <organisation of n>;
    ELSIF TG_OP = 'INSERT' THEN
        PERFORM public.owe_entries(<organisation of n>, '<noun>', array_agg(<id of n>))
           FROM new_rows AS n GROUP BY <organisation of n>;
    ELSIF TG_OP = 'DELETE' THEN
        PERFORM public.owe_entries(<organisation of o>, '<noun>', array_agg(<id of o>))
           FROM old_rows AS o GROUP BY <organisation of o>;
    ELSE
        PERFORM public.owe_entries(<organisation of n>, '<noun>', array_agg(<id of n>))
           FROM public.<table> AS n GROUP BY <organisation of n>;
    END IF;
    RETURN NULL;
END $$;
REVOKE ALL ON FUNCTION <table>_owe FROM PUBLIC;
CREATE OR REPLACE TRIGGER <table>_owe_for_insert AFTER INSERT ON <table> REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION <table>_owe();
CREATE OR REPLACE TRIGGER <table>_owe_for_update AFTER UPDATE ON <table>
    REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION <table>_owe();
CREATE OR REPLACE TRIGGER <table>_owe_for_delete AFTER DELETE ON <table> REFERENCING OLD TABLE AS old_rows
    FOR EACH STATEMENT EXECUTE FUNCTION <table>_owe();
CREATE OR REPLACE TRIGGER <table>_owe_for_truncate BEFORE TRUNCATE ON <table>
    FOR EACH STATEMENT EXECUTE FUNCTION <table>_owe();
ALTER TABLE <table> ENABLE ALWAYS TRIGGER <table>_owe_for_insert;
ALTER TABLE <table> ENABLE ALWAYS TRIGGER <table>_owe_for_update;
ALTER TABLE <table> ENABLE ALWAYS TRIGGER <table>_owe_for_delete;
ALTER TABLE <table> ENABLE ALWAYS TRIGGER <table>_owe_for_truncate;
"""
