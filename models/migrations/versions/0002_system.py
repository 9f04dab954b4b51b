"""Actions of the system: runs of entries, hands for cascades, usage, payments and suspensions."""

from pathlib import Path

from alembic import context, op
from psycopg import sql

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Run the two SQL files beside this one."""
    role = context.config.attributes["app_role"]
    driver = op.get_bind().connection.driver_connection
    assert driver is not None
    for name in ("0002_runs.sql", "0002_billing.sql"):
        statements = (Path(__file__).parent / name).read_text()
        driver.execute(statements.replace("{app}", sql.Identifier(role).as_string()), prepare=False)
