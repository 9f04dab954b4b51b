"""Output: the last lines of a deployment that failed."""

from models.migrations.sql import run

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    """Run the SQL file beside this one."""
    run("0012_output.sql")
