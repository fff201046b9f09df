"""The evidence pictures of this box that its hub has not got."""

import asyncio
from datetime import UTC, datetime, timedelta
from functools import partial

from appliance.store import evidence
from appliance.store.database import Database
from appliance.store.pictures import PictureFolder
from federation.uplink.hub_files import LONGEST_PAUSE_S, pause_s


class BoxPictures:
    """Implements `federation.uplink.pictures.WaitingPictures` over the box's database and folder."""

    def __init__(self, database: Database, folder: PictureFolder) -> None:
        """Read what is in `folder`."""
        self._database = database
        self._folder = folder

    async def due(self, limit: int) -> list[str]:
        """Return the digests of pictures that are to be handed over now, the newest first."""
        return await self._database.read(partial(evidence.due, now=datetime.now(UTC), limit=limit))

    async def read(self, digest: str) -> bytes | None:
        """Return a picture, None if it is gone or damaged."""
        return await asyncio.to_thread(self._folder.read, digest)

    async def handed_over(self, digest: str) -> None:
        """Note that the hub has it."""
        await self._database.run(lambda db: evidence.handed_over(db, digest))

    async def refused(self, digest: str) -> None:
        """Let it wait, the longer the oftener it was refused."""
        failures = await self._database.read(lambda db: evidence.failures(db, digest))
        until = datetime.now(UTC) + timedelta(seconds=pause_s(failures + 1, longest_s=LONGEST_PAUSE_S))
        await self._database.run(lambda db: evidence.postpone(db, digest, until))

    async def lost(self, digest: str) -> None:
        """Note that it is gone."""
        await self._database.run(lambda db: evidence.lost(db, digest, datetime.now(UTC)))
