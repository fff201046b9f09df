"""Tables of the cascade: the upper hub, what is handed on, and the outbox in which it waits."""

from sqlalchemy import JSON, BigInteger, Column, Index, Integer, String, Table, Text

from hub.database.metadata import metadata

cascade_upper = Table(
    "cascade_upper",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),  # there is one upper hub
    Column("hub_id", String(64), nullable=False),  # of the upper hub
    Column("hub_name", String(64), nullable=False),
    Column("joined_at_us", BigInteger, nullable=False),
    Column("types", JSON, nullable=False),  # event codes that are handed on; empty: all
    Column("point_ids", JSON, nullable=False),  # points whose events are handed on; empty: all
    Column("incarnation", BigInteger, nullable=False),  # connections of this hub as a node
)

cascade_documents = Table(
    "cascade_documents",
    metadata,
    Column("shard", String(16), primary_key=True),
    Column("body", Text, nullable=False),  # the newest document of the upper hub that is followed
)

cascade_lanes = Table(
    "cascade_lanes",
    metadata,
    Column("lane", String(16), primary_key=True),
    Column("epoch", String(64), nullable=False),
    Column("produced", BigInteger, nullable=False),
    Column("acknowledged", BigInteger, nullable=False),
    Column("past", JSON, nullable=False),  # epochs before this one, oldest first, as a hello names them
)

cascade_outbox = Table(
    "cascade_outbox",
    metadata,
    Column("lane", String(16), primary_key=True),
    Column("sequence", BigInteger, primary_key=True),
    Column("item", String(80), nullable=False),  # an event's id, or the digest of a picture that was handed over
)

cascade_pictures = Table(
    "cascade_pictures",
    metadata,
    Column("digest", String(80), primary_key=True),
    Column("sent", Integer, nullable=False),  # 1 once the upper hub has it
    Column("failures", Integer, nullable=False),
    Column("due_us", BigInteger, nullable=False),
    Column("noted_at_us", BigInteger, nullable=False),
    Index(None, "sent", "due_us"),
)
