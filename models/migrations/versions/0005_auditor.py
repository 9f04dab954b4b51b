"""Auditors: a role that reads the log and nothing else."""

from models.migrations.sql import run

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Run the SQL file beside this one."""
    run("0005_auditor.sql")
