"""What is said of damaged databases that were set aside: while they lie here, and in the record for ever."""

import asyncio
import logging
import shutil
import sqlite3
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from appliance.store import damage, documents, results
from appliance.store.database import Database
from federation.messages import DatabaseSetAside

log = logging.getLogger(__name__)

OWN = "appliance"
RECORDED = "set_aside"
LATEST = 16


class Recorded(BaseModel):
    """The names of those that stand in the record."""

    model_config = ConfigDict(frozen=True)

    files: tuple[str, ...] = ()


async def reports(folder: Path) -> tuple[DatabaseSetAside, ...]:
    """Return those that lie in a data folder now, oldest first."""
    found = await asyncio.to_thread(damage.all_set_aside, folder)
    return tuple(
        DatabaseSetAside(database=each.database[:32], file=each.file.name[:120], at=each.at) for each in found[-LATEST:]
    )


def record(db: sqlite3.Connection, found: tuple[DatabaseSetAside, ...]) -> bool:
    """Record those that are not in the record yet; tell whether there were any.

    A new database takes the place of the newest that was set aside; the one before has recorded the others.
    """
    before = documents.get(db, RECORDED, Recorded)
    known = before or Recorded(files=tuple(each.file for each in found if each is not _newest(found)))
    fresh = [each for each in found if each.file not in known.files]
    for each in fresh:
        results.record(db, results.BOX, "database.set_aside", f"database:{each.database}", {"file": each.file})
    if fresh or before is None:
        documents.put(db, RECORDED, Recorded(files=tuple(each.file for each in found)))
    return bool(fresh)


def _newest(found: tuple[DatabaseSetAside, ...]) -> DatabaseSetAside | None:
    return next((each for each in reversed(found) if each.database == OWN), None)


async def part_with_pictures(database: Database, pictures: Path) -> None:
    """Put the pictures of a database that is no more away, so that they can be removed: nothing names them now."""
    if await database.read(_has_pictures) or not await asyncio.to_thread(_holds_any, pictures):
        return
    log.warning("the database is new: the pictures of the one before are removed")
    await asyncio.to_thread(_put_away, pictures)


def remove_parted(pictures: Path) -> None:
    """Remove pictures that were put away. Blocks, for minutes where there are many."""
    shutil.rmtree(_away(pictures), ignore_errors=True)


def _has_pictures(db: sqlite3.Connection) -> bool:
    return db.execute("SELECT 1 FROM pictures LIMIT 1").fetchone() is not None


def _holds_any(pictures: Path) -> bool:
    return pictures.is_dir() and any(pictures.iterdir())


def _put_away(pictures: Path) -> None:
    away = _away(pictures)
    remove_parted(pictures)
    pictures.replace(away)


def _away(pictures: Path) -> Path:
    return pictures.with_name(f"{pictures.name}-of-no-database")
