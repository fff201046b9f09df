"""The tables of subscriptions and of what each of them was given."""

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    String,
    Table,
)

from hub.database.metadata import metadata

subscriptions = Table(
    "subscriptions",
    metadata,
    Column("bureau", String(64), primary_key=True),
    Column("name", String(64), nullable=False),
    Column("types", JSON, nullable=False),
    Column("point_ids", JSON, nullable=False),
    Column("only_true", Boolean, nullable=False),
    Column("enabled", Boolean, nullable=False),
    Column("password_digest", String(64), nullable=False),  # sha256 of a long random password, hex
    Column("sequence", BigInteger, nullable=False),  # the newest item that belongs to the feed
    Column("published", BigInteger, nullable=False),  # the newest item handed to the broker
    Column("last_delivered_at_us", BigInteger, nullable=True),
    Column("created_at_us", BigInteger, nullable=False),
)

feed_items = Table(
    "feed_items",
    metadata,
    Column("bureau", String(64), ForeignKey("subscriptions.bureau"), primary_key=True),
    Column("sequence", BigInteger, primary_key=True),
    Column("event_id", String(36), nullable=False),
    Index(None, "bureau", "event_id", unique=True),  # an event is given once, whatever is judged later
)
