"""The table of tasks with their placement."""

from sqlalchemy import JSON, BigInteger, Boolean, Column, Float, ForeignKey, Integer, String, Table, Text

from hub.database.metadata import metadata

tasks = Table(
    "tasks",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("name", String(100), nullable=False),
    Column("point_id", String(64), ForeignKey("points.id"), nullable=False, index=True),
    Column("algorithm_id", String(128), ForeignKey("algorithms.id"), nullable=False, index=True),
    Column("region", JSON(none_as_null=True), nullable=True),
    Column("masks", JSON, nullable=False, server_default="[]"),
    Column("lines", JSON, nullable=False, server_default="[]"),
    Column("scenes", JSON, nullable=False, server_default="[]"),
    Column("parameters", JSON, nullable=False),
    Column("calendar", JSON, nullable=False),
    Column("priority", Integer, nullable=False),
    Column("fence_after_s", Float, nullable=True),
    Column("move_after_s", Float, nullable=True),
    Column("started", Boolean, nullable=False),
    # No foreign key: a node may be removed at any moment, and its tasks are then placed anew.
    Column("node_id", String(64), nullable=True, index=True),
    Column("generation", Integer, nullable=False),  # grows with every placement, 0 before the first
    # Placements of lower generations were taken from a node that could not be told: they may still be at work.
    Column("superseded_below", Integer, nullable=False, server_default="0"),
    Column("reason", Text, nullable=False),  # why it is not placed, "" when it is
    Column("events", BigInteger, nullable=False),
    Column("created_at_us", BigInteger, nullable=False),
    Column("created_by", String(64), nullable=False),
)
