"""The tables of snapshot plans, and of what appliances took by them."""

from sqlalchemy import JSON, BigInteger, Column, Index, Integer, String, Table

from hub.database.metadata import metadata

_Counter = BigInteger().with_variant(Integer, "sqlite")  # SQLite numbers rows in INTEGER keys alone

capture_plans = Table(
    "capture_plans",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("body", JSON, nullable=False),  # the plan with all its points, as appliances are told it
    Column("created_at_us", BigInteger, nullable=False),
    Column("created_by", String(64), nullable=False),
)

captures = Table(
    "captures",
    metadata,
    Column("cursor", _Counter, primary_key=True, autoincrement=True),  # the order of arrival
    Column("id", String(36), nullable=False, unique=True),
    Column("node_id", String(64), nullable=False),
    Column("plan_id", String(64), nullable=False),
    Column("point_id", String(64), nullable=False),
    Column("state", String(8), nullable=False),  # done, failed
    Column("reason", String(300), nullable=False),
    Column("aim", JSON(none_as_null=True), nullable=True),
    Column("asked_at_us", BigInteger, nullable=False),
    Column("taken_at_us", BigInteger, nullable=True),
    Column("settled_at_us", BigInteger, nullable=False),
    Column("received_at_us", BigInteger, nullable=False),
    Column("digest", String(80), nullable=True, index=True),
    Column("size_bytes", BigInteger, nullable=False),
    Column("width_px", Integer, nullable=False),
    Column("height_px", Integer, nullable=False),
    Index(None, "plan_id", "cursor"),
    Index(None, "point_id", "cursor"),
    Index(None, "state", "cursor"),
    Index(None, "plan_id", "received_at_us"),
    sqlite_autoincrement=True,  # a cursor is never used twice
)
