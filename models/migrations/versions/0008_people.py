"""People: invitations in the log, proven addresses, single-use links, and mail."""

from models.migrations.sql import run

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Run the SQL file beside this one."""
    run("0008_people.sql")
