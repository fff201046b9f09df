"""A gap says why: the box dropped the rows when its disk quota was reached, or nobody knows."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the reason; of gaps from before nobody knows it."""
    op.add_column("custody_gaps", sa.Column("reason", sa.String(length=16), nullable=False, server_default="unknown"))
