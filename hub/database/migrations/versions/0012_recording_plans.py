"""How a point is recorded, where the hub says it."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Points of before are recorded as their boxes have it."""
    op.add_column("points", sa.Column("recording", sa.JSON(none_as_null=True), nullable=True))
