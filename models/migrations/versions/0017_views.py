"""Saved views: names for queries."""

from models.migrations.sql import run

revision = "0017"
down_revision = "0016"


def upgrade() -> None:
    """Run the SQL file beside this one."""
    run("0017_views.sql")
