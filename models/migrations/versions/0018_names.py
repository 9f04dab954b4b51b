"""Finding entries: by the names that things had, and by what happened to which kind of thing through which door."""

from models.migrations.sql import run

revision = "0018"
down_revision = "0017"


def upgrade() -> None:
    """Run the SQL file beside this one."""
    run("0018_names.sql")
