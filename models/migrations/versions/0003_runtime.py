"""Real containers: revisions, deployments, and what is known of the engine."""

from models.migrations.sql import run

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Run the SQL file beside this one."""
    run("0003_runtime.sql")
