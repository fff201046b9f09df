"""The table of how busy nodes were, a row for each span of time."""

from sqlalchemy import BigInteger, Column, Float, String, Table

from hub.database import metadata

node_metrics = Table(
    "node_metrics",
    metadata,
    Column("at_us", BigInteger, primary_key=True, autoincrement=False),  # when the span began
    Column("node_id", String(64), primary_key=True),  # outlives the node for a week
    Column("cpu_mean", Float, nullable=False),
    Column("cpu_peak", Float, nullable=False),
    Column("memory_mean", Float, nullable=False),
    Column("memory_peak", Float, nullable=False),
    Column("disk_share", Float, nullable=False),  # the last one of the span
)
