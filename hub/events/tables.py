"""The tables of events, their pictures, and the custody of what appliances hand over."""

from sqlalchemy import (
    BigInteger,
    Column,
    Float,
    Index,
    Integer,
    String,
    Table,
    Text,
)

from hub.database.metadata import metadata

# Why rows of a lane are gone: the box dropped them when its disk quota was reached, or nobody knows.
QUOTA, UNKNOWN = "quota", "unknown"

_Counter = BigInteger().with_variant(Integer, "sqlite")  # SQLite numbers rows in INTEGER keys alone

events = Table(
    "events",
    metadata,
    Column("cursor", _Counter, primary_key=True, autoincrement=True),  # the order of arrival
    Column("id", String(36), nullable=False, unique=True),
    Column("node_id", String(64), nullable=False),
    Column("point_id", String(64), nullable=False),
    Column("point_name", String(100), nullable=False),  # as it was when the event came
    Column("bureau", String(64), nullable=False),
    Column("type", String(128), nullable=False),
    Column("algorithm_id", String(128), nullable=False),
    Column("task_id", String(64), nullable=False),
    Column("time_us", BigInteger, nullable=False),
    Column("received_at_us", BigInteger, nullable=False),
    Column("score", Float, nullable=False),
    Column("body", Text, nullable=False),  # the event as it came, JSON
    Column("verdict", String(16), nullable=False),
    Column("judged_by", String(64), nullable=True),
    Column("judged_at_us", BigInteger, nullable=True),
    Column("note", String(500), nullable=False),
    Index(None, "point_id", "cursor"),
    Index(None, "type", "cursor"),
    Index(None, "node_id", "cursor"),
    Index(None, "verdict", "cursor"),
    Index(None, "time_us"),
    sqlite_autoincrement=True,  # a cursor is never used twice, even after the newest event is removed
)

event_pictures = Table(
    "event_pictures",
    metadata,
    Column("event_id", String(36), primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("digest", String(80), nullable=False, index=True),
)

pictures = Table(
    "pictures",
    metadata,
    Column("digest", String(80), primary_key=True),
    Column("size_bytes", BigInteger, nullable=False),
    Column("node_id", String(64), nullable=False),
    Column("stored_at_us", BigInteger, nullable=False),
)

custody_cursors = Table(
    "custody_cursors",
    metadata,
    Column("node_id", String(64), primary_key=True),
    Column("epoch", String(64), primary_key=True),
    Column("lane", String(16), primary_key=True),
    Column("upto", BigInteger, nullable=False),  # highest sequence number that is committed
    Column("repeated", BigInteger, nullable=False),  # rows whose id was there already
    Column("rejected", BigInteger, nullable=False),  # rows that are no valid event
    Column("updated_at_us", BigInteger, nullable=False),
)

custody_gaps = Table(
    "custody_gaps",
    metadata,
    Column("id", _Counter, primary_key=True, autoincrement=True),
    Column("node_id", String(64), nullable=False),
    Column("epoch", String(64), nullable=False),
    Column("lane", String(16), nullable=False),
    Column("first", BigInteger, nullable=False),
    Column("last", BigInteger, nullable=False),
    Column("reason", String(16), nullable=False, server_default=UNKNOWN),
    Column("seen_at_us", BigInteger, nullable=False),
)

rejected_rows = Table(
    "rejected_rows",
    metadata,
    Column("id", _Counter, primary_key=True, autoincrement=True),
    Column("node_id", String(64), nullable=False),
    Column("epoch", String(64), nullable=False),
    Column("lane", String(16), nullable=False),
    Column("sequence", BigInteger, nullable=False),
    Column("reason", Text, nullable=False),
    Column("body", Text, nullable=False),
    Column("seen_at_us", BigInteger, nullable=False),
)
