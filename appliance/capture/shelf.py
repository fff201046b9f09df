"""Where pictures are put: their folder and their index; what comes at one time is flushed and committed together."""

import asyncio
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from appliance.capture import index
from appliance.capture.index import Kept, Snapshot
from appliance.capture.order import NotTaken, Order, Shot
from appliance.store.database import Database
from appliance.store.pictures import PictureFolder

TOGETHER = 32
WAITING_LIMIT = 256


@dataclass(frozen=True, kw_only=True)
class _Parcel:
    """A picture, the orders that it serves, and who waits until it is on the disk."""

    shot: Shot
    orders: Sequence[Order]
    done: "asyncio.Future[list[Snapshot]]"


class Shelf:
    """Keeps pictures and what is known of orders. `paused` says why nothing may be kept now, empty if it may."""

    def __init__(self, *, pictures: PictureFolder, database: Database) -> None:
        """Use the open index; `run` does the work."""
        self.pictures = pictures
        self.database = database
        self.paused = ""
        self._parcels: asyncio.Queue[_Parcel] = asyncio.Queue(WAITING_LIMIT)

    async def keep(self, shot: Shot, orders: Sequence[Order]) -> list[Snapshot]:
        """Return once the picture of these orders is safe; raise NotTaken if the disk does not take it."""
        if self.paused:
            raise NotTaken.because(self.paused)
        done: asyncio.Future[list[Snapshot]] = asyncio.get_running_loop().create_future()
        await self._parcels.put(_Parcel(shot=shot, orders=orders, done=done))
        return await done

    async def give_up(self, order: Order, why: NotTaken) -> Snapshot:
        """Note that an order has failed for good."""
        now = datetime.now(UTC)
        return await self.database.run(lambda db: index.fail(db, order, why.reason, now))

    async def postpone(self, order: Order, why: NotTaken, pause_s: float) -> None:
        """Note that an attempt failed, and when the next may begin."""
        until = datetime.now(UTC) + timedelta(seconds=pause_s)
        await self.database.run(lambda db: index.postpone(db, order, why.reason, until))

    async def run(self) -> None:
        """Keep what comes, until cancelled."""
        while True:
            parcels = [await self._parcels.get()]
            while len(parcels) < TOGETHER and not self._parcels.empty():
                parcels.append(self._parcels.get_nowait())
            try:
                rows = await self._keep(parcels)
            except (OSError, sqlite3.Error) as error:
                _end(parcels, NotTaken("disk_full", f"the picture cannot be stored now: {error}"))
            except BaseException:
                _end(parcels, NotTaken("stopped", "the appliance is stopping"))
                raise
            else:
                for parcel, settled in zip(parcels, rows, strict=True):
                    if not parcel.done.done():
                        parcel.done.set_result(settled)

    async def _keep(self, parcels: Sequence[_Parcel]) -> list[list[Snapshot]]:
        contents = [parcel.shot.content for parcel in parcels]
        digests = await asyncio.to_thread(self.pictures.put_all, contents)
        now = datetime.now(UTC)

        def work(db: sqlite3.Connection) -> list[list[Snapshot]]:
            return [
                [index.settle(db, order, Kept(shot=parcel.shot, digest=digest), now) for order in parcel.orders]
                for parcel, digest in zip(parcels, digests, strict=True)
            ]

        return await self.database.run(work)


def _end(parcels: Sequence[_Parcel], why: NotTaken) -> None:
    for parcel in parcels:
        if not parcel.done.done():
            parcel.done.set_exception(why)
