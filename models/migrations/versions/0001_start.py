"""Everything there is at the start: tables, then the log with what protects it."""

from models.migrations.sql import run

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Run the two SQL files beside this one."""
    run("0001_tables.sql", "0001_log.sql")
