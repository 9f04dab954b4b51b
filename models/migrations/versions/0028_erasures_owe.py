"""An erasure without its entry is refused at COMMIT."""

from models.migrations.sql import run

revision = "0028"
down_revision = "0027"


def upgrade() -> None:
    """Run the SQL file beside this one."""
    run("0028_erasures_owe.sql")
