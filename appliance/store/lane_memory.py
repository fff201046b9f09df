"""The file beside the database that knows how far its lanes have got: for a database that takes its place.

A box whose database is new, or comes from a backup, would give numbers a second time, and nobody would miss the rows
that went with the one before. So the file is never behind: it names numbers ahead of those that are given, and is
written again before the database commits one beyond them.
"""

import asyncio
import logging
import sqlite3
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from pydantic import ValidationError

from appliance.store.database import Database
from appliance.store.kept_lanes import Given, KeptLanes, found_lanes, has_room, kept_anew, tell, with_room
from appliance.store.moments import to_us
from federation.messages import Lane
from federation.private_files import write_private

log = logging.getLogger(__name__)

KEEP_EVERY_S = 1.0
LARGEST_BYTES = 64 * 1024


class LaneMemory:
    """The file. `recall` comes before anything is added to the outbox; `run` keeps until cancelled.

    Make it when the database is open; from then on no transaction of it gives a number that the file does not name,
    unless the disk takes no file: `unwritten_since` tells since when.
    """

    def __init__(self, file: Path, database: Database) -> None:
        """Keep the lanes of `database` in `file`."""
        self._file = file
        self._database = database
        self._lock = threading.Lock()
        self._kept: KeptLanes | None = None
        self._attempted: Given = {}  # what the last transaction was about to commit
        self.changed: Callable[[], None] = lambda: None  # called, on the loop, when `unwritten_since` has changed
        self.unwritten_since: datetime | None = None
        database.before_commit(self._make_room)

    async def recall(self, *, log_gone: bool = False) -> None:
        """Tell the database what was there before it; a file that cannot be read says nothing.

        `log_gone` says that the newest commits may be missing from it.
        """
        kept = await asyncio.to_thread(_read, self._file)
        at_us = to_us(datetime.now(UTC))
        await self._database.run(lambda db: tell(db, kept.lanes, at_us, log_gone=log_gone))
        self._kept = kept
        await self.keep()

    async def run(self) -> None:
        """Keep what changes."""
        while True:
            before = self.unwritten_since
            await asyncio.sleep(KEEP_EVERY_S)
            await self.keep()
            if self.unwritten_since != before:
                self.changed()

    async def keep(self, *, closed: bool = False) -> None:
        """Write the file if anything has changed; a full disk is tried again. `closed`: nothing comes after this."""
        found = await self._database.read(found_lanes)
        await asyncio.to_thread(self._keep, found, closed=closed)

    def _keep(self, found: KeptLanes, *, closed: bool) -> None:
        with self._lock:
            self._write(kept_anew(self._kept or KeptLanes(lanes={}), found, self._attempted, closed=closed))

    def _make_room(self, db: sqlite3.Connection) -> None:
        """Name more numbers in the file if this transaction gives any that it does not name."""
        rows = db.execute("SELECT lane, epoch, produced FROM lanes").fetchall()
        with self._lock:
            if self._kept is None:
                return  # nothing is added before `recall`
            self._attempted = {Lane(lane): (epoch, produced) for lane, epoch, produced in rows}
            if not has_room(self._kept, self._attempted):
                self._write(with_room(self._kept, found_lanes(db)))

    def _write(self, lanes: KeptLanes) -> None:
        try:
            if lanes != self._kept:
                write_private(self._file, lanes.model_dump_json())
        except OSError as error:
            if self.unwritten_since is None:  # once, however often it is tried again
                log.warning("how far the lanes are cannot be kept beside the database: %s", error)
                self.unwritten_since = datetime.now(UTC)
            return
        self._kept = lanes
        if self.unwritten_since is not None:
            log.info("how far the lanes are is kept again")
            self.unwritten_since = None


def log_is_gone(lanes_file: Path, database_file: Path) -> bool:
    """Tell whether a database that is about to be opened has lost its log, and with it the newest commits. Blocks.

    SQLite removes the log when a database is closed, and then the memory of its lanes was closed too.
    """
    log_file = database_file.with_name(f"{database_file.name}-wal")
    if not database_file.exists() or database_file.stat().st_size == 0 or log_file.exists():
        return False
    kept = _read(lanes_file)
    return bool(kept.lanes) and not kept.closed


def _read(file: Path) -> KeptLanes:
    try:
        with file.open("rb") as opened:
            return KeptLanes.model_validate_json(opened.read(LARGEST_BYTES))
    except FileNotFoundError:
        return KeptLanes(lanes={})
    except (OSError, ValidationError) as error:
        log.warning("the memory of the lanes cannot be read, and is begun anew: %s", error)
        return KeptLanes(lanes={})
