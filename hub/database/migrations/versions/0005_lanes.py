"""Lanes: a cursor keeps the node's fingerprint of its row, and the audit says on which node something was done."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add both; what is there was done at the hub, and has no fingerprint."""
    op.add_column("custody_cursors", sa.Column("mark", sa.String(length=64), nullable=False, server_default=""))
    op.add_column("audit", sa.Column("node_id", sa.String(length=64), nullable=False, server_default=""))
    op.create_index("ix_audit_node_id", "audit", ["node_id", "id"])
