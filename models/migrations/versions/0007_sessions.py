"""Sessions that can be listed and ended one by one."""

from models.migrations.sql import run

revision = "0007"
down_revision = "0005"


def upgrade() -> None:
    """Run the SQL file beside this one."""
    run("0007_sessions.sql")
