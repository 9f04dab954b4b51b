"""Volumes."""

from models.migrations.kind import add_kind

revision = "volume"
down_revision = "<head>"


def upgrade() -> None:
    """Add the kind."""
    columns = "name varchar(77) NOT NULL, size_gib integer NOT NULL CHECK (size_gib BETWEEN 1 AND 4096)"
    add_kind("volume", "volumes", columns, end="terminated")
