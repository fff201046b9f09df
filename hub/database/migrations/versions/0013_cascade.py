"""Cascade: the upper hub of this one, and the outbox for it."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add its tables; there is no upper hub yet."""
    op.create_table(
        "cascade_upper",
        sa.Column("id", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("hub_id", sa.String(length=64), nullable=False),
        sa.Column("hub_name", sa.String(length=64), nullable=False),
        sa.Column("joined_at_us", sa.BigInteger(), nullable=False),
        sa.Column("types", sa.JSON(), nullable=False),
        sa.Column("point_ids", sa.JSON(), nullable=False),
        sa.Column("incarnation", sa.BigInteger(), nullable=False),
    )
    op.create_table(
        "cascade_documents",
        sa.Column("shard", sa.String(length=16), primary_key=True),
        sa.Column("body", sa.Text(), nullable=False),
    )
    op.create_table(
        "cascade_lanes",
        sa.Column("lane", sa.String(length=16), primary_key=True),
        sa.Column("epoch", sa.String(length=64), nullable=False),
        sa.Column("produced", sa.BigInteger(), nullable=False),
        sa.Column("acknowledged", sa.BigInteger(), nullable=False),
    )
    op.create_table(
        "cascade_outbox",
        sa.Column("lane", sa.String(length=16), primary_key=True),
        sa.Column("sequence", sa.BigInteger(), primary_key=True),
        sa.Column("item", sa.String(length=80), nullable=False),
    )
    op.create_table(
        "cascade_pictures",
        sa.Column("digest", sa.String(length=80), primary_key=True),
        sa.Column("sent", sa.Integer(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("due_us", sa.BigInteger(), nullable=False),
        sa.Column("noted_at_us", sa.BigInteger(), nullable=False),
    )
    op.create_index("ix_cascade_pictures_sent_due_us", "cascade_pictures", ["sent", "due_us"])
