"""Notices: who was told of a failed deployment or a low balance, and when."""

from models.migrations.sql import run

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    """Run the SQL file beside this one."""
    run("0010_notices.sql")
