"""Snapshot plans, and what was taken by them."""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

COUNTER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Add their tables; there are no plans yet."""
    op.create_table(
        "capture_plans",
        sa.Column("id", sa.String(length=36), primary_key=True),
        sa.Column("body", sa.JSON(), nullable=False),
        sa.Column("created_at_us", sa.BigInteger(), nullable=False),
        sa.Column("created_by", sa.String(length=64), nullable=False),
    )
    op.create_table(
        "captures",
        sa.Column("cursor", COUNTER, primary_key=True, autoincrement=True),
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("node_id", sa.String(length=64), nullable=False),
        sa.Column("plan_id", sa.String(length=64), nullable=False),
        sa.Column("point_id", sa.String(length=64), nullable=False),
        sa.Column("state", sa.String(length=8), nullable=False),
        sa.Column("reason", sa.String(length=300), nullable=False),
        sa.Column("aim", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("asked_at_us", sa.BigInteger(), nullable=False),
        sa.Column("taken_at_us", sa.BigInteger(), nullable=True),
        sa.Column("settled_at_us", sa.BigInteger(), nullable=False),
        sa.Column("received_at_us", sa.BigInteger(), nullable=False),
        sa.Column("digest", sa.String(length=80), nullable=True),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("width_px", sa.Integer(), nullable=False),
        sa.Column("height_px", sa.Integer(), nullable=False),
        sa.UniqueConstraint("id", name="uq_captures_id"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_captures_digest", "captures", ["digest"])
    op.create_index("ix_captures_plan_id_cursor", "captures", ["plan_id", "cursor"])
    op.create_index("ix_captures_point_id_cursor", "captures", ["point_id", "cursor"])
    op.create_index("ix_captures_state_cursor", "captures", ["state", "cursor"])
    op.create_index("ix_captures_plan_id_received_at_us", "captures", ["plan_id", "received_at_us"])
