"""Codes of events as other systems know them, and what each event was called by when it came."""

import sqlalchemy as sa
from alembic import op

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the table and the column; no code was mapped when the events that are here came."""
    op.create_table(
        "event_code_mappings",
        sa.Column("code", sa.String(length=128), nullable=False),
        sa.Column("mapped_code", sa.String(length=128), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.PrimaryKeyConstraint("code", name="pk_event_code_mappings"),
    )
    op.add_column("events", sa.Column("mapped_code", sa.String(length=128), nullable=True))
    op.create_index("ix_events_mapped_code_cursor", "events", ["mapped_code", "cursor"])
