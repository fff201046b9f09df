"""What is held of a node and why; what is wanted of it by shard; how it shall use its link."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Nodes that were online or offline are held so, for a cause that the next look finds out."""
    _conditions()
    _documents()
    op.create_table(
        "link_policies",
        sa.Column("site", sa.String(length=64), nullable=False),
        sa.Column("policy", sa.Text(), nullable=False),
        sa.Column("updated_at_us", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("site", name="pk_link_policies"),
    )


def _conditions() -> None:
    for column in (
        sa.Column("condition", sa.String(length=16), nullable=False, server_default="unknown"),
        sa.Column("cause", sa.String(length=16), nullable=False, server_default="silent"),
        sa.Column("condition_since_us", sa.BigInteger(), nullable=False, server_default="0"),
        sa.Column("witnesses", sa.JSON(), nullable=False, server_default="[]"),
        sa.Column("declared_by", sa.String(length=64), nullable=False, server_default=""),
        sa.Column("presence", sa.Text(), nullable=True),
    ):
        op.add_column("nodes", column)
    nodes = sa.table("nodes", sa.column("online", sa.Boolean), sa.column("condition"), sa.column("cause"))
    op.execute(sa.update(nodes).where(nodes.c.online).values(condition="online", cause="spoke"))
    op.drop_column("nodes", "online")


def _documents() -> None:
    made = op.create_table(
        "desired_documents",
        sa.Column("node_id", sa.String(length=64), nullable=False),
        sa.Column("shard", sa.String(length=16), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("issued_at_us", sa.BigInteger(), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.Column("used", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("node_id", "shard", name="pk_desired_documents"),
    )
    names = ("node_id", "version", "issued_at_us", "content", "used")
    before = sa.table("desired_states", *(sa.column(name) for name in names))
    whole = sa.select(before.c.node_id, sa.literal("work"), *(before.c[name] for name in names[1:]))
    op.execute(sa.insert(made).from_select(["node_id", "shard", *names[1:]], whole))
    op.drop_table("desired_states")
