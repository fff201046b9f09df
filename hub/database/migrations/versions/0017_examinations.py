"""What became of the examination of an algorithm package is kept with its version."""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column; packages that are here already were never examined."""
    op.add_column("algorithm_versions", sa.Column("examination", sa.Text(), nullable=True))
