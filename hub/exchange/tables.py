"""The table of nodes that exchange files."""

from sqlalchemy import BigInteger, Boolean, Column, String, Table, Text

from hub.database.metadata import metadata

exchange_nodes = Table(
    "exchange_nodes",
    metadata,
    Column("node_id", String(64), primary_key=True),
    Column("key", Text, nullable=False),  # PEM of the node's public key
    Column("two_way", Boolean, nullable=False),  # files also go from here to the node
    Column("admitted_at_us", BigInteger, nullable=False),
    Column("inbound", Text, nullable=False),  # which of its parcels were taken: JSON of federation.exchange.Inbound
    Column("taken_at_us", BigInteger),
    Column("taken_bytes", BigInteger, nullable=False),
    Column("sent_serial", BigInteger, nullable=False),
    Column("sent_at_us", BigInteger),
    Column("reconciled", Text),  # what the newest reconciliation found: JSON of hub.exchange.model.Reconciled
)
