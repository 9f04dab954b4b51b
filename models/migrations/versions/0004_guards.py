"""The application's role writes entries through one function, and everywhere else what it needs at run time."""

from models.migrations.sql import run

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Run the SQL file beside this one."""
    run("0004_guards.sql")
