"""A form that is sent ten times saves one payment method."""

from models.migrations.sql import execute

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    """Add the id of the form that a payment method was saved by."""
    execute("""
        ALTER TABLE payment_methods ADD COLUMN request_id uuid;
        ALTER TABLE payment_methods
            ADD CONSTRAINT payment_methods_request UNIQUE (organisation_id, request_id);
    """)
