"""What a migration does to add a kind of resource: its word in the log, and its table."""

from collections.abc import Sequence

from models.migrations.owed import track_kind
from models.migrations.sql import execute


def add_kind(noun: str, table: str, columns: str, end: str, runs: bool = False, sealed: Sequence[str] = ()) -> None:
    """Adds a kind: `columns` are its own ones, `end` is the state it ends in, `runs` whether it is deployed.

    `sealed` are the columns that are encrypted at rest.
    """
    statements = KIND + (RUNNING if runs else "")
    states = ("active", "suspended", end) if runs else ("active", end)
    values = {"noun": noun, "table": table, "columns": columns, "states": ", ".join(f"'{each}'" for each in states)}
    for name, value in values.items():
        statements = statements.replace(f"<{name}>", value)
    execute(statements)
    track_kind(noun, table, sealed)


# The indexes are the ones of 0001_tables.sql, which says what each is for.
KIND = """
ALTER TYPE activity_resource ADD VALUE '<noun>';
CREATE TABLE <table> (
    organisation_id integer NOT NULL,
    id              bigint GENERATED ALWAYS AS IDENTITY,
    project_id      integer NOT NULL,
    handle          varchar(51) NOT NULL,
    state           varchar(16) NOT NULL CHECK (state IN (<states>)),
    version         integer NOT NULL,
    created_at      timestamptz NOT NULL DEFAULT now(),
    ended_at        timestamptz,
    <columns>,
    PRIMARY KEY (organisation_id, id),
    FOREIGN KEY (organisation_id, project_id) REFERENCES projects
);
CREATE UNIQUE INDEX <table>_handle ON <table> (organisation_id, project_id, handle) WHERE ended_at IS NULL;
CREATE INDEX <table>_alive ON <table> (organisation_id, project_id, id) WHERE ended_at IS NULL;
CREATE INDEX <table>_ended ON <table> (organisation_id, project_id, handle, id) WHERE ended_at IS NOT NULL;
GRANT SELECT, INSERT, UPDATE ON <table> TO {app};
"""
# The check on deployments lists the nouns that 0003_runtime.sql knew; which they are is for the catalogue to say.
RUNNING = """
ALTER TABLE <table>
    ADD COLUMN revision integer NOT NULL DEFAULT 1,
    ADD COLUMN deployed_revision integer,
    ADD COLUMN status varchar(16) CHECK (status IN ('provisioning', 'running', 'stopped', 'error')),
    ADD COLUMN status_reason varchar(300) NOT NULL DEFAULT '',
    ADD COLUMN deployed_uses bigint[] NOT NULL DEFAULT '{0,0,0}';
CREATE INDEX <table>_deployed ON <table> (organisation_id, id) WHERE deployed_revision IS NOT NULL;
ALTER TABLE deployments DROP CONSTRAINT IF EXISTS deployments_noun_check;
"""
