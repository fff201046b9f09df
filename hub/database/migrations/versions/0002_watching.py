"""Points, algorithms, tasks, events with their custody, and feeds."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables of everything that is watched, judged and passed on."""
    _points()
    _algorithms()
    _tasks()
    _events()
    _custody()
    _feeds()


def _points() -> None:
    op.create_table(
        "points",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("gb_code", sa.String(length=20), nullable=True),
        sa.Column("bureau", sa.String(length=64), nullable=False),
        sa.Column("division", sa.String(length=64), nullable=False),
        sa.Column("address", sa.String(length=200), nullable=False),
        sa.Column("longitude", sa.Float(), nullable=True),
        sa.Column("latitude", sa.Float(), nullable=True),
        sa.Column("stream_url", sa.String(length=500), nullable=False),
        sa.Column("username", sa.String(length=64), nullable=False),
        sa.Column("password", sa.String(length=128), nullable=False),
        sa.Column("created_at_us", sa.BigInteger(), nullable=False),
        sa.Column("updated_at_us", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_points"),
        sa.UniqueConstraint("gb_code", name="uq_points_gb_code"),
    )
    op.create_index("ix_points_bureau", "points", ["bureau"], unique=False)


def _algorithms() -> None:
    op.create_table(
        "algorithms",
        sa.Column("id", sa.String(length=128), nullable=False),
        sa.Column("source", sa.String(length=16), nullable=False),
        sa.Column("on_shelf", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_algorithms"),
    )
    op.create_table(
        "algorithm_versions",
        sa.Column("algorithm_id", sa.String(length=128), nullable=False),
        sa.Column("version", sa.String(length=64), nullable=False),
        sa.Column("manifest", sa.Text(), nullable=False),
        sa.Column("digest", sa.String(length=80), nullable=True),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("imported_at_us", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["algorithm_id"], ["algorithms.id"], name="fk_algorithm_versions_algorithm_id_algorithms"
        ),
        sa.PrimaryKeyConstraint("algorithm_id", "version", name="pk_algorithm_versions"),
    )
    op.create_index("ix_algorithm_versions_digest", "algorithm_versions", ["digest"], unique=False)
    op.create_table(
        "event_types",
        sa.Column("code", sa.String(length=128), nullable=False),
        sa.Column("name_zh", sa.String(length=100), nullable=False),
        sa.Column("name_en", sa.String(length=100), nullable=False),
        sa.Column("algorithm_id", sa.String(length=128), nullable=False),
        sa.PrimaryKeyConstraint("code", name="pk_event_types"),
    )


def _tasks() -> None:
    op.create_table(
        "tasks",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("point_id", sa.String(length=64), nullable=False),
        sa.Column("algorithm_id", sa.String(length=128), nullable=False),
        sa.Column("region", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("parameters", sa.JSON(), nullable=False),
        sa.Column("calendar", sa.JSON(), nullable=False),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("started", sa.Boolean(), nullable=False),
        sa.Column("node_id", sa.String(length=64), nullable=True),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("events", sa.BigInteger(), nullable=False),
        sa.Column("created_at_us", sa.BigInteger(), nullable=False),
        sa.Column("created_by", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(["algorithm_id"], ["algorithms.id"], name="fk_tasks_algorithm_id_algorithms"),
        sa.ForeignKeyConstraint(["point_id"], ["points.id"], name="fk_tasks_point_id_points"),
        sa.PrimaryKeyConstraint("id", name="pk_tasks"),
    )
    op.create_index("ix_tasks_algorithm_id", "tasks", ["algorithm_id"], unique=False)
    op.create_index("ix_tasks_node_id", "tasks", ["node_id"], unique=False)
    op.create_index("ix_tasks_point_id", "tasks", ["point_id"], unique=False)


def _events() -> None:
    op.create_table(
        "events",
        sa.Column("cursor", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("node_id", sa.String(length=64), nullable=False),
        sa.Column("point_id", sa.String(length=64), nullable=False),
        sa.Column("point_name", sa.String(length=100), nullable=False),
        sa.Column("bureau", sa.String(length=64), nullable=False),
        sa.Column("type", sa.String(length=128), nullable=False),
        sa.Column("algorithm_id", sa.String(length=128), nullable=False),
        sa.Column("task_id", sa.String(length=64), nullable=False),
        sa.Column("time_us", sa.BigInteger(), nullable=False),
        sa.Column("received_at_us", sa.BigInteger(), nullable=False),
        sa.Column("score", sa.Float(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("verdict", sa.String(length=16), nullable=False),
        sa.Column("judged_by", sa.String(length=64), nullable=True),
        sa.Column("judged_at_us", sa.BigInteger(), nullable=True),
        sa.Column("note", sa.String(length=500), nullable=False),
        sa.PrimaryKeyConstraint("cursor", name="pk_events"),
        sa.UniqueConstraint("id", name="uq_events_id"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_events_node_id_cursor", "events", ["node_id", "cursor"], unique=False)
    op.create_index("ix_events_point_id_cursor", "events", ["point_id", "cursor"], unique=False)
    op.create_index("ix_events_time_us", "events", ["time_us"], unique=False)
    op.create_index("ix_events_type_cursor", "events", ["type", "cursor"], unique=False)
    op.create_index("ix_events_verdict_cursor", "events", ["verdict", "cursor"], unique=False)
    op.create_table(
        "event_pictures",
        sa.Column("event_id", sa.String(length=36), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("digest", sa.String(length=80), nullable=False),
        sa.PrimaryKeyConstraint("event_id", "position", name="pk_event_pictures"),
    )
    op.create_index("ix_event_pictures_digest", "event_pictures", ["digest"], unique=False)
    op.create_table(
        "pictures",
        sa.Column("digest", sa.String(length=80), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("node_id", sa.String(length=64), nullable=False),
        sa.Column("stored_at_us", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("digest", name="pk_pictures"),
    )


def _custody() -> None:
    op.create_table(
        "custody_cursors",
        sa.Column("node_id", sa.String(length=64), nullable=False),
        sa.Column("epoch", sa.String(length=64), nullable=False),
        sa.Column("lane", sa.String(length=16), nullable=False),
        sa.Column("upto", sa.BigInteger(), nullable=False),
        sa.Column("repeated", sa.BigInteger(), nullable=False),
        sa.Column("rejected", sa.BigInteger(), nullable=False),
        sa.Column("updated_at_us", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("node_id", "epoch", "lane", name="pk_custody_cursors"),
    )
    op.create_table(
        "custody_gaps",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("node_id", sa.String(length=64), nullable=False),
        sa.Column("epoch", sa.String(length=64), nullable=False),
        sa.Column("lane", sa.String(length=16), nullable=False),
        sa.Column("first", sa.BigInteger(), nullable=False),
        sa.Column("last", sa.BigInteger(), nullable=False),
        sa.Column("seen_at_us", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_custody_gaps"),
    )
    op.create_table(
        "rejected_rows",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("node_id", sa.String(length=64), nullable=False),
        sa.Column("epoch", sa.String(length=64), nullable=False),
        sa.Column("lane", sa.String(length=16), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("seen_at_us", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_rejected_rows"),
    )


def _feeds() -> None:
    op.create_table(
        "subscriptions",
        sa.Column("bureau", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("types", sa.JSON(), nullable=False),
        sa.Column("point_ids", sa.JSON(), nullable=False),
        sa.Column("only_true", sa.Boolean(), nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("password_digest", sa.String(length=64), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("published", sa.BigInteger(), nullable=False),
        sa.Column("last_delivered_at_us", sa.BigInteger(), nullable=True),
        sa.Column("created_at_us", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("bureau", name="pk_subscriptions"),
    )
    op.create_table(
        "feed_items",
        sa.Column("bureau", sa.String(length=64), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("event_id", sa.String(length=36), nullable=False),
        sa.ForeignKeyConstraint(["bureau"], ["subscriptions.bureau"], name="fk_feed_items_bureau_subscriptions"),
        sa.PrimaryKeyConstraint("bureau", "sequence", name="pk_feed_items"),
    )
    op.create_index("ix_feed_items_bureau_event_id", "feed_items", ["bureau", "event_id"], unique=True)
