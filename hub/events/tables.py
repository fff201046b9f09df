"""The tables of events and their pictures."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    Index,
    Integer,
    String,
    Table,
    Text,
    false,
)

from hub.database.metadata import metadata

_Counter = BigInteger().with_variant(Integer, "sqlite")  # SQLite numbers rows in INTEGER keys alone

events = Table(
    "events",
    metadata,
    Column("cursor", _Counter, primary_key=True, autoincrement=True),  # the order of arrival
    Column("id", String(36), nullable=False, unique=True),
    Column("node_id", String(64), nullable=False),
    Column("epoch", String(64), nullable=False),  # of the node's outbox, where the event had this number
    Column("sequence", BigInteger, nullable=False),
    Column("point_id", String(64), nullable=False),
    Column("point_name", String(100), nullable=False),  # as it was when the event came
    Column("bureau", String(64), nullable=False),
    Column("type", String(128), nullable=False),
    Column("mapped_code", String(128), nullable=True),  # what its type was mapped to when it came
    Column("algorithm_id", String(128), nullable=False),
    Column("task_id", String(64), nullable=False),
    Column("time_us", BigInteger, nullable=False),
    Column("received_at_us", BigInteger, nullable=False),
    Column("score", Float, nullable=False),
    Column("superseded", Boolean, nullable=False, server_default=false()),  # its task was at work elsewhere by then
    Column("body", Text, nullable=False),  # the event as it came, JSON
    Column("verdict", String(16), nullable=False),
    Column("judged_by", String(64), nullable=True),
    Column("judged_at_us", BigInteger, nullable=True),
    Column("note", String(500), nullable=False),
    Index(None, "point_id", "cursor"),
    Index(None, "type", "cursor"),
    Index(None, "mapped_code", "cursor"),
    Index(None, "node_id", "cursor"),
    Index(None, "node_id", "epoch", "sequence"),
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
