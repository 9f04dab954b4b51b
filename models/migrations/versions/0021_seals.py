"""Seals: the tiles of Merkle trees over the log, and their signed checkpoints."""

from models.migrations.sql import run

revision = "0021"
down_revision = "0020"


def upgrade() -> None:
    """Run the SQL file beside this one."""
    run("0021_seals.sql")
