"""Epochs of the outbox for the upper hub that are over."""

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Every lane names the epochs before its present one."""
    op.add_column("cascade_lanes", sa.Column("past", sa.JSON(), nullable=False, server_default="[]"))
