"""Usage that is counted once it is seen running."""

from models.migrations.sql import run

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    """Run the SQL file beside this one."""
    run("0016_observed_usage.sql")
