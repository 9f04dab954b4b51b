"""Mails with checkpoints: when the owners of an organisation were last sent one, and whether a person wants them."""

from models.migrations.sql import run

revision = "0022"
down_revision = "0021"


def upgrade() -> None:
    """Run the SQL file beside this one."""
    run("0022_checkpoint_mails.sql")
