"""Marks: what tells the containers of one deployment from all others, which bytes they run, and strays."""

from models.migrations.sql import run

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    """Run the SQL file beside this one."""
    run("0011_marks.sql")
