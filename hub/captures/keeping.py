"""How long the hub keeps what was taken by plans: the oldest give way, pictures of events stay."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, delete, func, select

from hub.captures.tables import captures
from hub.config import Captures as Bounds
from hub.database import Database
from hub.database.moments import now_us
from hub.events.tables import event_pictures, pictures
from hub.storage import ContentStore

LOOK_EVERY_S = 30.0
STEP = 200  # rows in one transaction, so that removing keeps nobody waiting
DAY_US = 86_400_000_000


@dataclass(frozen=True, kw_only=True)
class CaptureKeeping:
    """Removes what is older than `bounds` say, or more than they say, with its pictures in `store`."""

    database: Database
    store: ContentStore
    bounds: Bounds

    async def run(self) -> None:
        """Remove what has to go, until cancelled."""
        while True:
            while await self.step():
                pass
            await asyncio.sleep(LOOK_EVERY_S)

    async def step(self) -> bool:
        """Remove some of the oldest; tell whether there may be more."""
        removed, digests = await self.database.run(self._remove)
        for digest in digests:
            await self.store.remove(digest)
        return removed > 0

    def _remove(self, connection: Connection) -> tuple[int, Sequence[str]]:
        newest = connection.scalar(select(func.max(captures.c.cursor))) or 0
        cutoff_us = now_us() - self.bounds.keep_days * DAY_US
        gone = (captures.c.received_at_us < cutoff_us) | (captures.c.cursor <= newest - self.bounds.most)
        rows = connection.execute(
            select(captures.c.cursor, captures.c.digest).where(gone).order_by(captures.c.cursor).limit(STEP)
        ).all()
        if not rows:
            return 0, ()
        connection.execute(delete(captures).where(captures.c.cursor.in_([row.cursor for row in rows])))
        digests = {row.digest for row in rows if row.digest is not None}
        for kept in (captures, event_pictures):
            digests -= set(connection.execute(select(kept.c.digest).where(kept.c.digest.in_(digests))).scalars())
        if digests:
            connection.execute(delete(pictures).where(pictures.c.digest.in_(digests)))
        return len(rows), sorted(digests)
