"""What is drawn for a task on the pictures of presets."""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Tasks of before have none."""
    op.add_column("tasks", sa.Column("scenes", sa.JSON(), nullable=False, server_default="[]"))
