"""Bring the database to the newest schema."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from hub.database.engine import Database
from hub.errors import DatabaseAway

FOLDER = Path(__file__).parent / "migrations"
UPGRADE_LOCK = 7_361_942_001  # any constant: two hubs on one PostgreSQL must not upgrade at once


async def upgrade(database: Database) -> None:
    """Apply every migration that is missing, in one transaction; raise DatabaseAway if that cannot be done."""
    try:
        await database.run(_upgrade)
    except DBAPIError as error:
        reason = str(error.orig).strip().splitlines()[0]
        raise DatabaseAway(f"cannot use the database {database.place}: {reason}") from error


async def is_current(database: Database) -> bool:
    """Tell whether the schema is the newest that this program knows."""
    return await database.run(_is_current)


def _upgrade(connection: Connection) -> None:
    if connection.dialect.name == "postgresql":
        connection.execute(text("select pg_advisory_xact_lock(:key)"), {"key": UPGRADE_LOCK})
    config = _config()
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def _is_current(connection: Connection) -> bool:
    head = ScriptDirectory.from_config(_config()).get_current_head()
    return MigrationContext.configure(connection).get_current_revision() == head


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(FOLDER))
    return config
