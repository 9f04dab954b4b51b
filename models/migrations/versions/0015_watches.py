"""Watches: how things that run fare."""

from models.migrations.sql import run

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    """Run the SQL file beside this one."""
    run("0015_watches.sql")
