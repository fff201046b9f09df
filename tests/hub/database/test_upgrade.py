import asyncio
import importlib
import pkgutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection

import hub
from hub.database import Database, metadata
from hub.database.upgrade import is_current, upgrade


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
async def database(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Database]:
    """A database of each kind in which there is nothing."""
    url = f"sqlite:///{tmp_path / 'hub.sqlite'}"
    if request.param == "postgres":
        url = request.getfixturevalue("postgres").create_database(f"empty{abs(hash(str(tmp_path))):x}")
    opened = await asyncio.to_thread(Database, url)
    yield opened
    await opened.close()


def _import_all_tables() -> None:
    folder = Path(hub.__file__).parent
    for part in pkgutil.iter_modules([str(folder)]):
        if (folder / part.name / "tables.py").exists():
            importlib.import_module(f"hub.{part.name}.tables")


def _differences(connection: Connection) -> list[object]:
    context = MigrationContext.configure(connection, opts={"compare_type": True})
    return list(compare_metadata(context, metadata))


async def test_the_migrations_make_exactly_the_tables_that_the_parts_declare(database: Database) -> None:
    _import_all_tables()

    await upgrade(database)

    assert await database.run(_differences) == []


async def test_upgrading_twice_changes_nothing(database: Database) -> None:
    await upgrade(database)

    await upgrade(database)

    assert await is_current(database)


async def test_an_empty_database_is_not_current(database: Database) -> None:
    assert not await is_current(database)
