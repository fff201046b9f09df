"""What operators say of an algorithm in place of its package."""

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0023"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the table; of every algorithm the package's word holds."""
    op.create_table(
        "algorithm_presentations",
        sa.Column("algorithm_id", sa.String(length=128), nullable=False),
        sa.Column("edits", sa.Text(), nullable=False),
        sa.Column("cover_digest", sa.String(length=80), nullable=True),
        sa.Column("cover", sa.LargeBinary(), nullable=True),
        sa.ForeignKeyConstraint(
            ["algorithm_id"], ["algorithms.id"], name="fk_algorithm_presentations_algorithm_id_algorithms"
        ),
        sa.PrimaryKeyConstraint("algorithm_id", name="pk_algorithm_presentations"),
    )
