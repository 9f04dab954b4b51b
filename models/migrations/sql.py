"""Migrations are SQL files beside their steps; `{app}` in them is the role that web and worker connect as."""

from pathlib import Path

from alembic import context, op
from psycopg import sql

FOLDER = Path(__file__).parent / "versions"


def run(*names: str) -> None:
    """Runs SQL files of the versions folder, in this order."""
    for name in names:
        execute((FOLDER / name).read_text())


def execute(statements: str) -> None:
    """Runs SQL statements."""
    role = context.config.attributes["app_role"]
    driver = op.get_bind().connection.driver_connection
    assert driver is not None
    driver.execute(statements.replace("{app}", sql.Identifier(role).as_string()), prepare=False)
