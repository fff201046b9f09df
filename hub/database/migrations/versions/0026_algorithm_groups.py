"""Groups of algorithms."""

import sqlalchemy as sa
from alembic import op

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the tables; there is no group yet."""
    op.create_table(
        "algorithm_groups",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_algorithm_groups"),
        sa.UniqueConstraint("name", name="uq_algorithm_groups_name"),
    )
    op.create_table(
        "algorithm_group_members",
        sa.Column("group_id", sa.String(length=36), nullable=False),
        sa.Column("algorithm_id", sa.String(length=128), nullable=False),
        sa.ForeignKeyConstraint(
            ["group_id"], ["algorithm_groups.id"], name="fk_algorithm_group_members_group_id_algorithm_groups"
        ),
        sa.ForeignKeyConstraint(
            ["algorithm_id"], ["algorithms.id"], name="fk_algorithm_group_members_algorithm_id_algorithms"
        ),
        sa.PrimaryKeyConstraint("group_id", "algorithm_id", name="pk_algorithm_group_members"),
    )
    op.create_index("ix_algorithm_group_members_algorithm_id", "algorithm_group_members", ["algorithm_id"])
