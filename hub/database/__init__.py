"""The hub's database: one engine, SQLite or PostgreSQL, the same statements."""

from hub.database.engine import Database
from hub.database.metadata import metadata

__all__ = ["Database", "metadata"]
