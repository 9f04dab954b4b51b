"""A top-up in the ledger names the entry that tells of it."""

from models.migrations.sql import run

revision = "0019"
down_revision = "0018"


def upgrade() -> None:
    """Run the SQL file beside this one."""
    run("0019_top_ups.sql")
