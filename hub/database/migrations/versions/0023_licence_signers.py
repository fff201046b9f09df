"""Who signed a vendor's licence."""

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the signers; of licences that are here they are known once their files are entered again."""
    op.add_column("vendor_licences", sa.Column("signer", sa.String(length=80), nullable=False, server_default=""))
    op.add_column("vendor_licences", sa.Column("of_all", sa.Boolean(), nullable=False, server_default=sa.false()))
