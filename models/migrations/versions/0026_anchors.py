"""Anchors: how far checkpoints have got to each place outside."""

from models.migrations.sql import run

revision = "0026"
down_revision = "0025"


def upgrade() -> None:
    """Run the SQL file beside this one."""
    run("0026_anchors.sql")
