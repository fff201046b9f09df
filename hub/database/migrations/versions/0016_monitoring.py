"""Monitoring: how busy nodes were, span by span."""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add its table."""
    op.create_table(
        "node_metrics",
        sa.Column("at_us", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("node_id", sa.String(length=64), primary_key=True),
        sa.Column("cpu_mean", sa.Float(), nullable=False),
        sa.Column("cpu_peak", sa.Float(), nullable=False),
        sa.Column("memory_mean", sa.Float(), nullable=False),
        sa.Column("memory_peak", sa.Float(), nullable=False),
        sa.Column("disk_share", sa.Float(), nullable=False),
    )
