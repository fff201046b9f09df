"""What becomes of a task while its appliance is cut off, and which events came from a placement that was replaced."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Tasks of before go on by themselves; no event of before is superseded."""
    op.add_column("tasks", sa.Column("fence_after_s", sa.Float(), nullable=True))
    op.add_column("tasks", sa.Column("move_after_s", sa.Float(), nullable=True))
    op.add_column("tasks", sa.Column("superseded_below", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("events", sa.Column("superseded", sa.Boolean(), nullable=False, server_default=sa.false()))
