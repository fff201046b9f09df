"""Which packages that ship with the product were offered."""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the table; nothing was offered yet."""
    op.create_table(
        "offered_packages",
        sa.Column("algorithm_id", sa.String(length=128), nullable=False),
        sa.Column("version", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("algorithm_id", name="pk_offered_packages"),
    )
