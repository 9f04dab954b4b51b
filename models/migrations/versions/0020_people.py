"""What people are called apart from what the log says of them, so that it can be erased without touching an entry."""

from models.migrations.sql import run

revision = "0020"
down_revision = "0019"


def upgrade() -> None:
    """Run the SQL files beside this one."""
    run("0020_people.sql", "0020_carried_over.sql", "0020_door.sql")
