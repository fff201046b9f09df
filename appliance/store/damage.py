"""Databases that are damaged: told, set aside under a dated name, and begun anew."""

import asyncio
import logging
import sqlite3
from collections.abc import Awaitable, Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from sqlite_utils import Database as SchemaDatabase

from appliance.errors import ApplianceError
from appliance.store.schema import migrations

log = logging.getLogger(__name__)

KEPT = 2  # of each database: enough to look at, and never a disk full of them

_DAMAGE = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
_PRIMARY = 0xFF  # https://www.sqlite.org/rescode.html: an extended code has its primary one in the lowest byte
_PARTS = ("", "-wal", "-shm")
_DATED = "%Y%m%dT%H%M%S.%fZ"


@dataclass(frozen=True, kw_only=True)
class SetAside:
    """A damaged database that lies beside the one in its place; `database` is e.g. `appliance`."""

    file: Path
    database: str
    at: datetime


def is_damage(error: BaseException) -> bool:
    """Tell whether an error says that a database is no sound one any more."""
    return isinstance(error, Damaged) or _code(error) in _DAMAGE


def leaves(error: BaseException) -> Iterator[BaseException]:
    """Yield the errors in a group of them, however deep."""
    if isinstance(error, BaseExceptionGroup):
        for inner in error.exceptions:
            yield from leaves(inner)
    else:
        yield error


async def outliving(file: Path, work: Callable[[], Awaitable[None]]) -> None:
    """Run `work`; each time that the database in `file` turns out damaged, set it aside and run it again."""
    while True:
        try:
            await work()
        except Exception as error:  # damage comes alone or within a group; all else is raised again
            if not await asyncio.to_thread(_is_to_blame, file, list(leaves(error))):
                raise
            log.exception("the database %s is damaged", file.name)
            await asyncio.to_thread(set_aside, file)
        else:
            return


def set_aside(file: Path) -> Path:
    """Rename a damaged database, so that it is made again, and remove all but the newest few. Blocks."""
    now = datetime.now(UTC)
    target = file.with_name(f"{file.stem}-damaged-{now.strftime(_DATED)}{file.suffix}")
    for suffix in _PARTS:
        part = file.with_name(file.name + suffix)
        if part.exists():
            part.replace(target.with_name(target.name + suffix))
    log.error("the database %s is damaged; it is set aside as %s, and begun anew", file.name, target.name)
    for old in [each for each in all_set_aside(file.parent) if each.database == file.stem][:-KEPT]:
        _remove(old)
    return target


def all_set_aside(folder: Path) -> list[SetAside]:
    """Return the damaged databases in a folder, the oldest first. Blocks."""
    found = []
    for file in folder.glob("*-damaged-*.db"):
        database, _, dated = file.stem.rpartition("-damaged-")
        try:
            at = datetime.strptime(dated, _DATED).replace(tzinfo=UTC)
        except ValueError:
            continue
        found.append(SetAside(file=file, database=database, at=at))
    return sorted(found, key=lambda each: each.at)


def remove_oldest(folder: Path) -> bool:
    """Remove the damaged database that was set aside first; tell whether there was one. Blocks."""
    found = all_set_aside(folder)
    if found:
        log.error("the disk is full: the damaged database %s is removed", found[0].file.name)
        _remove(found[0])
    return bool(found)


class Damaged(ApplianceError):
    """A database was looked through, and found damaged."""


def check(file: Path) -> None:
    """Read a whole database: seconds for each gigabyte; raise Damaged. Blocks."""
    if not _is_sound(file):
        raise Damaged(file.name)


def _is_sound(file: Path) -> bool:
    try:
        with closing(sqlite3.connect(file)) as db:
            return bool(db.execute("PRAGMA quick_check(1)").fetchone() == ("ok",)) and _names_what_it_should(db)
    except (sqlite3.Error, UnicodeDecodeError):  # the latter from a message about a name that is no text
        return False


def _names_what_it_should(db: sqlite3.Connection) -> bool:
    """Tell whether migrations, tables and columns have the names that we gave them: to SQLite any name is good."""
    with closing(sqlite3.connect(":memory:")) as new:
        migrations.apply(SchemaDatabase(new))
        made, all_of_them = _migrated(db), _migrated(new)
        if made == all_of_them:
            return (_schema(db), _lanes(db)) == (_schema(new), _lanes(new))
        return made == all_of_them[: len(made)] or made[: len(all_of_them)] == all_of_them


def _migrated(db: sqlite3.Connection) -> list[tuple[str, str]]:
    return sorted(db.execute("SELECT migration_set, name FROM _sqlite_migrations"))


def _schema(db: sqlite3.Connection) -> set[tuple[str, ...]]:
    return set(db.execute("SELECT type, name, sql FROM sqlite_schema WHERE name NOT LIKE 'sqlite_%'"))


def _lanes(db: sqlite3.Connection) -> set[str]:
    """Return the lanes whose epoch and numbers are some."""
    found = db.execute(
        "SELECT lane FROM lanes WHERE length(epoch) BETWEEN 1 AND 64 AND acknowledged >= 0 AND produced >= 0"
        " AND typeof(produced) = 'integer' AND typeof(acknowledged) = 'integer'"
    )
    return {lane for (lane,) in found}


def _is_to_blame(file: Path, errors: list[BaseException]) -> bool:
    """Tell whether a database is the cause of what failed; it is looked through where its content may be."""
    if any(map(is_damage, errors)):
        return True
    strange = any(isinstance(each, ValueError | TypeError) or _code(each) == sqlite3.SQLITE_ERROR for each in errors)
    return strange and not _is_sound(file)


def _code(error: BaseException) -> int | None:
    code = getattr(error, "sqlite_errorcode", None) if isinstance(error, sqlite3.Error) else None
    return None if code is None else code & _PRIMARY


def _remove(aside: SetAside) -> None:
    for suffix in _PARTS:
        aside.file.with_name(aside.file.name + suffix).unlink(missing_ok=True)
