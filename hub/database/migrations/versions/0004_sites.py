"""Nodes stand at sites: places whose local network they share."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the site; nodes and invitations of before have none."""
    for table in ("nodes", "enrolment_tokens"):
        op.add_column(table, sa.Column("site", sa.String(length=64), nullable=False, server_default=""))
