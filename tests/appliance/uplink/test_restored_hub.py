"""Pictures of snapshots and a hub that was restored from a backup: what came after the backup goes to it again."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

from appliance.capture.hub_side import HubSide, OwedPictures
from appliance.capture.order import Order, Origin, Shot
from appliance.capture.schema import migrations
from appliance.capture.shelf import Shelf
from appliance.store import outbox, results, returns
from appliance.store.database import Database
from appliance.store.pictures import PictureFolder
from federation.messages import Lane, Result, Want, new_id
from federation.testing.broker import Broker
from federation.testing.played_hub import played_hub
from federation.testing.waiting import until
from federation.uplink.changes import Changes
from federation.uplink.link import Link
from tests.appliance.uplink.linking import Linked

RESULTS = Lane.RESULTS


@dataclass(kw_only=True)
class Photos:
    """Snapshots of a plan of the hub on a box whose record is `record`; `told` counts the words on them."""

    shelf: Shelf
    record: Database
    link: Link
    told: int = 0
    pictures: OwedPictures = field(init=False)

    def __post_init__(self) -> None:
        self.pictures = OwedPictures(shelf=lambda: self.shelf, record=self.record)

    async def tell(self, words: Sequence[Result]) -> None:
        def work(db: sqlite3.Connection) -> None:
            for word in words:
                results.tell(db, word)

        await self.record.run(work)
        self.told += len(words)
        self.link.lanes[RESULTS].produced(self.told)

    async def take(self, count: int) -> list[str]:
        """Take pictures, and return their digests once the hub has the words on them and the pictures are owed."""
        digests = [await self._taken(f"picture {self.told} {number}".encode()) for number in range(count)]
        await until(lambda: self.owes(digests), within_s=60, what="pictures that are owed")
        await until(self._is_acknowledged, within_s=60, what="acknowledged words")
        return digests

    async def owes(self, digests: list[str]) -> bool:
        return set(await self.pictures.due(100)) == set(digests)

    async def hand_over(self) -> None:
        for digest in await self.pictures.due(100):
            await self.pictures.handed_over(digest)

    async def _taken(self, content: bytes) -> str:
        now = datetime.now(UTC)
        planned = Order(id=new_id(), point_id="p1", want=Want(), origin=Origin.PLAN, asked_at=now)
        order = replace(planned, plan_id="rounds", for_hub=True)
        [row] = await self.shelf.keep(Shot(content=content, width_px=4, height_px=3, taken_at=now), [order])
        return str(row.digest)

    async def _is_acknowledged(self) -> bool:
        state = await self.record.read(lambda db: outbox.state_of(db, RESULTS))
        return state.acknowledged == self.told


@asynccontextmanager
async def photographing(folder: Path, record: Database, link: Link) -> AsyncIterator[Photos]:
    async with Database(folder / "captures.db", migrations) as database, asyncio.TaskGroup() as group:
        shelf = Shelf(pictures=PictureFolder(root=folder / "captures"), database=database)
        photos = Photos(shelf=shelf, record=record, link=link)
        side = HubSide(plans=tuple, changes=Changes(), tell=photos.tell, record=record)
        tasks = [group.create_task(shelf.run()), group.create_task(side.tell_forever(shelf))]
        yield photos
        for task in tasks:
            task.cancel()


async def test_a_restored_hub_gets_again_the_pictures_that_came_after_its_backup_and_no_others(
    broker: Broker, tmp_path: Path, database: Database, linked: Linked
) -> None:
    async with linked(database) as link, photographing(tmp_path, database, link) as photos:
        async with played_hub(broker.address("hub"), tmp_path / "hub.db") as hub:
            await photos.take(2)
            await photos.hand_over()
            later = await photos.take(3)
            await photos.hand_over()
            everything_is_there = await photos.owes([])
            hub.forget_after(3)
        await asyncio.to_thread(broker.restart)
        async with played_hub(broker.address("hub"), tmp_path / "hub.db"):
            await until(lambda: photos.owes(later), within_s=90, what="pictures that are owed again")
            await photos.hand_over()
            await until(lambda: _is_settled(database), within_s=60, what="a settled return")
            owed_in_the_end = await photos.pictures.due(100)

    assert everything_is_there
    assert owed_in_the_end == []


async def _is_settled(database: Database) -> bool:
    return await database.read(lambda db: returns.unsettled(db, RESULTS)) is None


async def test_a_hub_that_comes_back_twice_is_dealt_with_twice(database: Database) -> None:
    await database.run(lambda db: returns.note(db, RESULTS, 7))
    first = await database.read(lambda db: returns.unsettled(db, RESULTS))
    assert first is not None
    await database.run(lambda db: returns.note(db, RESULTS, 9))

    await database.run(lambda db: returns.settle(db, RESULTS, first))
    second = await database.read(lambda db: returns.unsettled(db, RESULTS))
    assert second is not None
    await database.run(lambda db: returns.settle(db, RESULTS, second))

    assert (first, second) == ((7, 1), (7, 2))
    assert await database.read(lambda db: returns.unsettled(db, RESULTS)) is None
