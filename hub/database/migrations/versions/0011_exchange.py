"""File exchange: nodes beyond borders, and rows that came by files ahead of others."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add both; nothing has come by files yet, and of events that are here nobody knows their number."""
    op.add_column("events", sa.Column("epoch", sa.String(length=64), nullable=False, server_default=""))
    op.add_column("events", sa.Column("sequence", sa.BigInteger(), nullable=False, server_default="0"))
    op.create_index("ix_events_node_id_epoch_sequence", "events", ["node_id", "epoch", "sequence"])
    op.add_column("custody_cursors", sa.Column("islands", sa.Text(), nullable=False, server_default="[]"))
    op.create_table(
        "exchange_nodes",
        sa.Column("node_id", sa.String(length=64), primary_key=True),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("two_way", sa.Boolean(), nullable=False),
        sa.Column("admitted_at_us", sa.BigInteger(), nullable=False),
        sa.Column("inbound", sa.Text(), nullable=False),
        sa.Column("taken_at_us", sa.BigInteger(), nullable=True),
        sa.Column("taken_bytes", sa.BigInteger(), nullable=False),
        sa.Column("sent_serial", sa.BigInteger(), nullable=False),
        sa.Column("sent_at_us", sa.BigInteger(), nullable=True),
        sa.Column("reconciled", sa.Text(), nullable=True),
    )
