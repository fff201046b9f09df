"""Nodes are known by their keys: certificates in place of tokens and broker passwords, bundles in place of tokens.

Nodes of before have no key that is known; they stay in the list until they are removed and let in anew.
"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Replace the digest of the token by the fingerprint of the key, and keep what is issued."""
    op.create_table(
        "node_certificates",
        sa.Column("serial", sa.String(40), primary_key=True),
        sa.Column("node_id", sa.String(64), nullable=False),
        sa.Column("issued_at_us", sa.BigInteger, nullable=False),
        sa.Column("expires_at_us", sa.BigInteger, nullable=False),
        sa.Column("revoked_at_us", sa.BigInteger),
    )
    op.create_index("ix_node_certificates_node_id", "node_certificates", ["node_id"])
    with op.batch_alter_table("nodes") as nodes:
        nodes.drop_constraint("uq_nodes_token_digest", type_="unique")
        nodes.alter_column("token_digest", new_column_name="key_fingerprint", existing_type=sa.String(64))
        nodes.add_column(sa.Column("revoked_at_us", sa.BigInteger))
    with op.batch_alter_table("nodes") as nodes:  # a second time: within one, the column has its former name
        nodes.create_unique_constraint("uq_nodes_key_fingerprint", ["key_fingerprint"])
    op.rename_table("enrolment_tokens", "enrolment_bundles")
    with op.batch_alter_table("enrolment_bundles") as bundles:
        bundles.drop_constraint("uq_enrolment_tokens_digest", type_="unique")
        bundles.create_unique_constraint("uq_enrolment_bundles_digest", ["digest"])
    op.execute("delete from broker_accounts where kind = 'node'")
