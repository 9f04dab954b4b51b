"""Verifications of the log, and what came out of them."""

from models.migrations.sql import run

revision = "0025"
down_revision = "0024"


def upgrade() -> None:
    """Run the SQL file beside this one."""
    run("0025_verifications.sql")
