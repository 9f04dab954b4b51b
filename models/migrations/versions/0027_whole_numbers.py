"""An entry of which no leaf can be made is refused when it is written."""

from models.migrations.sql import run

revision = "0027"
down_revision = "0026"


def upgrade() -> None:
    """Run the SQL file beside this one."""
    run("0027_whole_numbers.sql")
