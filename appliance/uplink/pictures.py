"""The evidence pictures of this box that its hub has not got."""

import asyncio
import sqlite3
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import partial

from appliance.store import evidence, exports
from appliance.store.database import Database
from appliance.store.exports import Policy
from appliance.store.pictures import PictureFolder
from federation.uplink.hub_files import LONGEST_PAUSE_S, pause_s


class BoxPictures:
    """Goes to the hub by network (`federation.uplink.pictures.WaitingPictures`) and by files."""

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

    async def wanted(self, now_us: int, limit: int) -> list[tuple[str, int]]:
        """Return digests and sizes of pictures to put into files, what is most urgent first."""
        return await self._database.read(lambda db: exports.pictures_wanted(db, now_us, limit))

    async def exported(self, digests: Sequence[str], policy: Policy, now_us: int) -> None:
        """Note that pictures went into a file."""
        await self._database.run(lambda db: exports.pictures_exported(db, digests, policy, now_us))

    async def stored(self, digests: Sequence[str]) -> None:
        """Note that the hub has pictures."""

        def work(db: sqlite3.Connection) -> None:
            for digest in digests:
                evidence.handed_over(db, digest)

        await self._database.run(work)
