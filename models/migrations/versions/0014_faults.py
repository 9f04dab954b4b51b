"""Faults: why a deployment waits for the engine."""

from models.migrations.sql import run

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    """Run the SQL file beside this one."""
    run("0014_faults.sql")
