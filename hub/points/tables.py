"""The table of points."""

from sqlalchemy import JSON, BigInteger, Column, Float, Index, String, Table

from hub.database.metadata import metadata

points = Table(
    "points",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("name", String(100), nullable=False),
    Column("gb_code", String(20), nullable=True, unique=True),
    Column("bureau", String(64), nullable=False),
    Column("division", String(64), nullable=False),
    Column("address", String(200), nullable=False),
    Column("longitude", Float, nullable=True),
    Column("latitude", Float, nullable=True),
    Column("stream_url", String(500), nullable=False),
    Column("username", String(64), nullable=False),
    Column("password", String(128), nullable=False),
    Column("created_at_us", BigInteger, nullable=False),
    Column("updated_at_us", BigInteger, nullable=False),
    Column("recording", JSON(none_as_null=True), nullable=True),
    Column("onvif_url", String(300), nullable=False, server_default=""),
    # The appliance that looks after it; no foreign key, as with tasks.
    Column("node_id", String(64), nullable=True),
    Index(None, "bureau"),
)
