"""Keeps snapshots within their bounds: what is too old goes, and what the disk has no room for."""

import asyncio
import logging
import shutil
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from appliance.capture import index, retention
from appliance.capture.retention import Removed
from appliance.capture.shelf import Shelf
from appliance.config import CaptureConfig
from appliance.recording.space import Limits, Space, excess_bytes, pause

log = logging.getLogger(__name__)

WATCH_EVERY_S = 5.0


@dataclass(frozen=True, kw_only=True)
class Bounds:
    """What may be held in `folder`, and for how long."""

    shelf: Shelf
    folder: Path
    capture: CaptureConfig

    async def run(self) -> None:
        """Remove what is too old, and keep space free, until cancelled."""
        while True:
            await self._expire()
            await self._make_room()
            await asyncio.sleep(WATCH_EVERY_S)

    async def _expire(self) -> None:
        now = datetime.now(UTC)
        while await self._remove(lambda db: retention.expire(db, now, self.capture.keep_days)):
            pass

    async def _make_room(self) -> None:
        limits = Limits(most_bytes=self.capture.most_bytes, floor_bytes=self.capture.free_bytes)
        space = await self._space()
        while (excess := excess_bytes(space, limits)) > 0:
            if not await self._remove(lambda db: retention.make_room(db, excess)):
                break
            space = await self._space()
        paused = pause(space, limits)
        if paused != self.shelf.paused:
            log.log(logging.ERROR if paused else logging.INFO, "snapshots %s", paused or "are kept again")
        self.shelf.paused = paused

    async def _space(self) -> Space:
        _, held_bytes = await self.shelf.database.read(index.held)
        usage = await asyncio.to_thread(shutil.disk_usage, self.folder)
        return Space(free_bytes=usage.free, held_bytes=held_bytes)

    async def _remove(self, work: Callable[[sqlite3.Connection], Removed]) -> bool:
        """Remove rows, then the files that nothing names any more; tell whether there was anything."""
        removed = await self.shelf.database.run(work)
        for digest in removed.digests:
            await asyncio.to_thread(self.shelf.pictures.remove, digest)
        return removed.rows > 0


def clear(folder: Path) -> None:
    """Remove pictures that no index names: nobody could find them, and they would never give way."""
    for part in folder.iterdir():
        if part.is_dir():
            log.warning("pictures of a lost index are removed: %s", part)
            shutil.rmtree(part)
