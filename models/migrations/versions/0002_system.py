"""Actions of the system: runs of entries, hands for cascades, usage, payments and suspensions."""

from models.migrations.sql import run

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Run the two SQL files beside this one."""
    run("0002_runs.sql", "0002_billing.sql")
