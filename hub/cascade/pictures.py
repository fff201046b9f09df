"""The pictures of events that went up which the upper hub has not got."""

import asyncio
from functools import partial

from sqlalchemy import Connection, delete, select, update

from federation.messages import Lane
from federation.uplink.hub_files import LONGEST_PAUSE_S, pause_s
from hub.cascade import outbox
from hub.cascade.tables import cascade_pictures
from hub.database import Database
from hub.database.moments import now_us
from hub.events.tables import pictures
from hub.storage import ContentStore

MICROSECONDS = 1_000_000


class CascadePictures:
    """Implements `federation.uplink.pictures.WaitingPictures`; a picture is due once it has arrived here."""

    def __init__(self, database: Database, store: ContentStore) -> None:
        """Read what is in `store`."""
        self._database = database
        self._store = store

    async def due(self, limit: int) -> list[str]:
        """Return the digests of pictures that are here and wait, the newest first."""
        return await self._database.run(partial(_due, limit=limit))

    async def read(self, digest: str) -> bytes | None:
        """Return a picture, None if it is gone."""
        stored = await self._store.find(digest)
        return None if stored is None else await asyncio.to_thread(stored.path.read_bytes)

    async def handed_over(self, digest: str) -> None:
        """Note that the upper hub has it."""
        await self._database.run(partial(_handed_over, digest=digest))

    async def refused(self, digest: str) -> None:
        """Let it wait, the longer the oftener it was refused."""
        await self._database.run(partial(_postpone, digest=digest))

    async def lost(self, digest: str) -> None:
        """Wait for it no longer."""
        own = cascade_pictures.c.digest == digest
        await self._database.run(lambda connection: connection.execute(delete(cascade_pictures).where(own)))


def _due(connection: Connection, limit: int) -> list[str]:
    found = (
        select(cascade_pictures.c.digest)
        .join(pictures, pictures.c.digest == cascade_pictures.c.digest)
        .where(cascade_pictures.c.sent == 0, cascade_pictures.c.due_us <= now_us())
        .order_by(cascade_pictures.c.noted_at_us.desc())
        .limit(limit)
    )
    return list(connection.execute(found).scalars())


def _handed_over(connection: Connection, digest: str) -> None:
    own = cascade_pictures.c.digest == digest
    connection.execute(update(cascade_pictures).where(own).values(sent=1))
    outbox.append(connection, Lane.EVIDENCE, [digest])


def _postpone(connection: Connection, digest: str) -> None:
    own = cascade_pictures.c.digest == digest
    failures = int(connection.execute(select(cascade_pictures.c.failures).where(own)).scalar_one()) + 1
    due_us = now_us() + int(pause_s(failures, longest_s=LONGEST_PAUSE_S) * MICROSECONDS)
    connection.execute(update(cascade_pictures).where(own).values(failures=failures, due_us=due_us))
