"""Snapshots when another hub takes the place of the one before, or that one was restored from a backup."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from appliance.agent.membership import forget_former_hub
from appliance.capture import index, owed, retention
from appliance.capture.hub_side import HubSide, OwedPictures
from appliance.capture.index import Kept, Snapshot
from appliance.capture.order import Order, Origin, Shot
from appliance.capture.schema import migrations
from appliance.capture.shelf import Shelf
from appliance.exchange.importer import confirm
from appliance.store import outbox, results
from appliance.store.database import Database
from appliance.store.pictures import PictureFolder
from federation.messages import Ack, Lane, Result, SnapshotGone, Want, new_id
from federation.testing.waiting import until
from federation.uplink.changes import Changes

NOW = datetime.now(UTC)


def picture_of(snapshot_id: str) -> bytes:
    """Return what begins as a JPEG, of 20 kB."""
    return b"\xff\xd8\xff" + snapshot_id.encode() + bytes(20_000)


@dataclass(kw_only=True)
class Taken:
    """A box with snapshots of its hub's plan; what it tells stands in the lane of results."""

    record: Database
    shelf: Shelf
    count: int = 0

    async def take(self) -> Snapshot:
        """Take one, an hour younger than the one before."""
        self.count += 1
        asked_at = NOW - timedelta(days=9) + timedelta(hours=self.count)
        order = Order(
            id=new_id(),
            point_id="gate",
            want=Want(),
            origin=Origin.PLAN,
            asked_at=asked_at,
            plan_id="plan",
            for_hub=True,
        )
        content = picture_of(order.id)
        (digest,) = await asyncio.to_thread(self.shelf.pictures.put_all, [content])
        kept = Kept(shot=Shot(content=content, width_px=4, height_px=3, taken_at=asked_at), digest=digest)
        return await self.shelf.database.run(lambda db: index.settle(db, order, kept, asked_at))

    async def hand_over(self, *snapshots: Snapshot) -> None:
        pictures = OwedPictures(shelf=lambda: self.shelf, record=self.record)
        for snapshot in snapshots:
            await pictures.handed_over(snapshot.digest or "")

    def content(self, snapshot: Snapshot) -> bytes:
        """Return the picture of one."""
        return picture_of(snapshot.id)

    async def are_exported(self) -> bool:
        """Tell whether pictures are owed, and all of them went into files."""
        due = await self.shelf.database.read(lambda db: owed.wanted(db, 0, 1))
        return bool(await self.owed()) and not due

    async def owed(self) -> set[str]:
        """Return the pictures that the hub is to get."""
        return set(await self.shelf.database.read(lambda db: owed.pictures(db, without=(), limit=100)))

    async def bodies(self) -> list[str]:
        return await self.record.read(lambda db: outbox.rows(db, Lane.RESULTS, 1, 1000))

    async def told(self, kind: str) -> list[Result]:
        """Return what was told, of one type."""
        found = [Result.model_validate_json(body[:-1] + ',"source":"box"}') for body in await self.bodies()]
        return [result for result in found if result.type == kind]

    async def gone(self) -> dict[str, str]:
        """Return the codes of why pictures are gone, by snapshot, as the hub learns them."""
        details = [SnapshotGone.model_validate(each.data.detail) for each in await self.told("snapshot.gone")]
        return {each.snapshot_id: each.reason.partition(":")[0] for each in details}

    async def tells(self, count: int) -> None:
        """Wait until so many words on snapshots were told."""

        async def are_told() -> bool:
            return len(await self.told("snapshot")) == count

        await until(are_told, within_s=60, what=f"{count} words")

    async def acknowledge(self, upto: int) -> None:
        """Let the hub have so many rows."""
        state = await self.record.read(lambda db: outbox.state_of(db, Lane.RESULTS))
        await self.record.run(lambda db: outbox.acknowledge(db, Lane.RESULTS, state.epoch, upto))


@pytest.fixture
async def box(tmp_path: Path) -> AsyncIterator[Taken]:
    async with Database(tmp_path / "appliance.db") as record, Database(tmp_path / "captures.db", migrations) as held:
        yield Taken(record=record, shelf=Shelf(pictures=PictureFolder(root=tmp_path / "pictures"), database=held))


@asynccontextmanager
async def telling(box: Taken) -> AsyncIterator[None]:
    """Tell the hub what it is owed while the body runs."""

    async def tell(words: Sequence[Result]) -> None:
        def work(db: sqlite3.Connection) -> None:
            for word in words:
                results.tell(db, word)

        await box.record.run(work)

    side = HubSide(plans=lambda: (), changes=Changes(), tell=tell, record=box.record)
    async with asyncio.TaskGroup() as group:
        running = group.create_task(side.tell_forever(box.shelf))
        try:
            yield
        finally:
            running.cancel()


async def test_another_hub_gets_the_pictures_that_are_still_kept_and_is_told_which_are_gone(box: Taken) -> None:
    expired, kept = await box.take(), await box.take()
    async with telling(box):
        await box.tells(2)
        await box.hand_over(expired, kept)
        await box.shelf.database.run(partial(retention.make_room, size_bytes=1))
        assert await box.owed() == set()

        await box.record.run(partial(forget_former_hub, same_hub=False))
        await until(box.gone, within_s=60, what="word of a picture that is gone")

    assert await box.owed() == {kept.digest}
    assert await box.gone() == {expired.id: "picture_removed"}
    kinds = [Result.model_validate_json(body[:-1] + ',"source":"box"}').type for body in await box.bodies()]
    assert kinds == ["snapshot", "snapshot", "snapshot.gone"]


async def test_a_hub_behind_a_border_that_was_restored_gets_what_came_after_its_backup(box: Taken) -> None:
    first = await box.take()
    async with telling(box):
        await box.tells(1)
        await box.hand_over(first)
        await box.acknowledge(1)
        second = await box.take()
        await box.tells(2)
        await box.hand_over(second)
        await box.acknowledge(2)
        epoch = (await box.record.read(lambda db: outbox.state_of(db, Lane.RESULTS))).epoch

        before_the_second = Ack(epoch=epoch, lane=Lane.RESULTS, upto=2, beyond=())
        await box.record.run(partial(confirm, ack=before_the_second, is_only_path=True))
        unchanged = await box.owed()
        restored = Ack(epoch=epoch, lane=Lane.RESULTS, upto=1, beyond=())
        await box.record.run(partial(confirm, ack=restored, is_only_path=False))
        by_the_network_too = await box.owed()
        await box.record.run(partial(confirm, ack=restored, is_only_path=True))
        await until(box.owed, within_s=60, what="a picture that is owed again")

    assert unchanged == by_the_network_too == set()
    # The first came while one result was there, no more than the backup knows: it may or may not be in it.
    assert await box.owed() == {first.digest, second.digest}


def expire(db: sqlite3.Connection) -> Any:
    return retention.expire(db, NOW, 1)


def make_room(db: sqlite3.Connection) -> Any:
    return retention.make_room(db, 1)


@pytest.mark.parametrize(("remove", "code"), [(expire, "picture_expired"), (make_room, "picture_cleared")])
async def test_a_picture_that_is_removed_before_the_hub_has_it_is_told_as_gone(
    box: Taken, remove: Any, code: str
) -> None:
    snapshot = await box.take()
    async with telling(box):
        await box.tells(1)
        await box.shelf.database.run(remove)
        await until(box.gone, within_s=60, what="word of a picture that is gone")

    assert await box.gone() == {snapshot.id: code}
    assert await box.owed() == set()


async def test_a_picture_that_is_damaged_on_the_disk_is_told_as_gone_once(box: Taken) -> None:
    snapshot = await box.take()
    pictures = OwedPictures(shelf=lambda: box.shelf, record=box.record)
    async with telling(box):
        await box.tells(1)
        for _ in range(2):
            await pictures.lost(snapshot.digest or "")
        await until(box.gone, within_s=60, what="word of a picture that is gone")
        await box.take()
        await box.tells(2)

    assert [await box.gone(), len(await box.told("snapshot.gone"))] == [{snapshot.id: "picture_damaged"}, 1]


async def test_of_pictures_that_the_hub_has_nothing_is_told_when_they_go(box: Taken) -> None:
    had, _ = await box.take(), await box.take()
    async with telling(box):
        await box.tells(2)
        await box.hand_over(had)
        await box.shelf.database.run(make_room)
        await box.take()
        await box.tells(3)

    assert await box.gone() == await box.shelf.database.read(lambda db: owed.gone(db, limit=9)) == {}
