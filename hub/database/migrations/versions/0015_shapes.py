"""Masks and lines of a task, beside its region."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Tasks of before have neither."""
    op.add_column("tasks", sa.Column("masks", sa.JSON(), nullable=False, server_default="[]"))
    op.add_column("tasks", sa.Column("lines", sa.JSON(), nullable=False, server_default="[]"))
