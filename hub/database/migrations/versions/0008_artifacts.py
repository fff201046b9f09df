"""Artifacts: the packages of algorithms, and every other large file that nodes fetch in chunks."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table, and enter the packages that are there already: their manifests are made at the next start."""
    op.create_table(
        "artifacts",
        sa.Column("digest", sa.String(length=80), primary_key=True),
        sa.Column("kind", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=128), nullable=False),
        sa.Column("version", sa.String(length=64), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("added_at_us", sa.BigInteger(), nullable=False),
        sa.Column("chunks", sa.Integer(), nullable=True),
        sa.Column("manifest", sa.LargeBinary(), nullable=True),
    )
    op.execute(
        "INSERT INTO artifacts (digest, kind, name, version, size_bytes, added_at_us) "
        "SELECT digest, 'algorithm-package', algorithm_id, version, size_bytes, imported_at_us "
        "FROM algorithm_versions WHERE digest IS NOT NULL"
    )
