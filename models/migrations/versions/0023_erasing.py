"""Erasing the name of who paid, where the application itself can only add."""

from models.migrations.sql import run

revision = "0023"
down_revision = "0022"


def upgrade() -> None:
    """Run the SQL file beside this one."""
    run("0023_erasing.sql")
