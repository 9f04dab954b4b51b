"""NATS."""

from models.migrations.kind import add_kind

revision = "nats"
down_revision = "<head>"


def upgrade() -> None:
    """Add the kind."""
    columns = "name varchar(77) NOT NULL, memory_mib integer NOT NULL CHECK (memory_mib BETWEEN 64 AND 4096)"
    add_kind("nats", "nats", columns, end="terminated", runs=True)
