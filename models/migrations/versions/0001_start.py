"""Everything there is at the start: tables, then the log with what protects it."""

from pathlib import Path

from alembic import context, op
from psycopg import sql

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Run the two SQL files beside this one."""
    role = context.config.attributes["app_role"]
    driver = op.get_bind().connection.driver_connection
    assert driver is not None
    for name in ("0001_tables.sql", "0001_log.sql"):
        statements = (Path(__file__).parent / name).read_text()
        driver.execute(statements.replace("{app}", sql.Identifier(role).as_string()), prepare=False)
