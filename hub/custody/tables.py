"""Tables of custody: how far every lane is committed, what it lost, and what could not be taken."""

from sqlalchemy import BigInteger, Column, Integer, String, Table, Text

from hub.database.metadata import metadata

_Counter = BigInteger().with_variant(Integer, "sqlite")  # SQLite numbers rows in INTEGER keys alone

custody_cursors = Table(
    "custody_cursors",
    metadata,
    Column("node_id", String(64), primary_key=True),
    Column("epoch", String(64), primary_key=True),
    Column("lane", String(16), primary_key=True),
    Column("upto", BigInteger, nullable=False),  # highest sequence number that is committed
    Column("mark", String(64), nullable=False),  # the node's fingerprint of that row
    Column("islands", Text, nullable=False),  # what came by files ahead of others: JSON of [first, last, mark]
    Column("repeated", BigInteger, nullable=False),  # rows whose id was there already
    Column("rejected", BigInteger, nullable=False),  # rows that could not be taken
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
    Column("reason", String(16), nullable=False),  # as the node says; see federation.messages.Tombstone
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
