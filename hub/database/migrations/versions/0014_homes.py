"""Which appliance looks after a point; the address of a camera's ONVIF service stands at the point."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

POINTS = sa.table(
    "points", sa.column("id", sa.String), sa.column("recording", sa.JSON), sa.column("onvif_url", sa.String)
)


def upgrade() -> None:
    """Points get homes when the hub places them; an address that stood in a plan of recording is taken over."""
    op.add_column("points", sa.Column("onvif_url", sa.String(300), nullable=False, server_default=""))
    op.add_column("points", sa.Column("node_id", sa.String(64), nullable=True))
    connection = op.get_bind()
    for row in connection.execute(sa.select(POINTS).where(POINTS.c.recording.is_not(None))).all():
        plan = dict(row.recording or {})
        address = plan.pop("onvif_url", "")
        changed = {"recording": plan, "onvif_url": address}
        if row.recording is not None:
            connection.execute(sa.update(POINTS).where(POINTS.c.id == row.id).values(**changed))
