"""Erasing the name of who paid, where the application itself can only add."""

from models.migrations.sql import run

revision = "0024"
down_revision = "0023"


def upgrade() -> None:
    """Run the SQL file beside this one."""
    run("0024_erasing.sql")
