"""Links that give an account another address."""

from models.migrations.sql import run

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """Run the SQL file beside this one."""
    run("0009_address.sql")
