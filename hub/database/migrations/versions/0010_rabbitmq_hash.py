"""Accounts of bureaus hold their password as RabbitMQ reads it too.

Of an account of before it is not known: at a RabbitMQ, the bureau needs new credentials.
"""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the hash."""
    with op.batch_alter_table("broker_accounts") as accounts:
        accounts.add_column(sa.Column("rabbitmq_hash", sa.String(200), nullable=False, server_default=""))
