"""Carrying out orders: with a real shelf, and a photographer that does what the test says."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import cast

import pytest

from appliance.capture import index, retention
from appliance.capture.dispatcher import BOX, Dispatcher
from appliance.capture.order import NotTaken, Order, Origin, Shot
from appliance.capture.pacing import Gate, Rate
from appliance.capture.photographer import Photographer
from appliance.capture.schema import migrations
from appliance.capture.shelf import Shelf
from appliance.store.database import Database
from appliance.store.pictures import PictureFolder
from federation.messages import Want, new_id
from federation.testing.waiting import until

SHORT = {Origin.SYNC: (), Origin.ASYNC: (0.01, 0.01), Origin.PLAN: (0.01,)}


@dataclass(kw_only=True)
class PlayedPhotographer:
    """Takes what it is told to; `faults` are raised first, one with each attempt. While `held`, nothing is done."""

    faults: list[NotTaken] = field(default_factory=list)
    taken: list[str] = field(default_factory=list)
    at_once: int = 0
    most_at_once: int = 0
    go_on: asyncio.Event = field(default_factory=asyncio.Event)

    async def take(self, order: Order) -> Shot:
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            await self.go_on.wait()
        finally:
            self.at_once -= 1
        self.taken.append(order.point_id)
        if self.faults:
            raise self.faults.pop(0)
        content = f"{order.key} {len(self.taken)}".encode()
        return Shot(content=content, width_px=4, height_px=3, taken_at=datetime.now(UTC))


@dataclass(kw_only=True)
class Work:
    photographer: PlayedPhotographer
    dispatcher: Dispatcher
    shelf: Shelf
    folder: Path

    async def row(self, order: Order) -> index.Snapshot | None:
        return await self.shelf.database.read(lambda db: index.find(db, order.id))

    async def settled(self, order: Order) -> index.Snapshot:
        async def is_settled() -> bool:
            row = await self.row(order)
            return row is not None and row.state != "waiting"

        await until(is_settled, within_s=60, what="a settled order")
        return cast("index.Snapshot", await self.row(order))


def order(point: str = "p1", origin: Origin = Origin.SYNC) -> Order:
    return Order(id=new_id(), point_id=point, want=Want(), origin=origin, asked_at=datetime.now(UTC))


@asynccontextmanager
async def working(folder: Path, *, per_s: float = 1000.0, at_once: int = 10) -> AsyncIterator[Work]:
    async with Database(folder / "captures.db", migrations) as database:
        shelf = Shelf(pictures=PictureFolder(root=folder / "captures"), database=database)
        photographer = PlayedPhotographer()
        photographer.go_on.set()
        dispatcher = Dispatcher(
            photographer=cast("Photographer", photographer),
            shelf=shelf,
            common=lambda _origin: [Gate(BOX, Rate(per_s=per_s))],
            gates=lambda point_id: [Gate(point_id, Rate(per_s=1000.0))],
            at_once=at_once,
            turns=lambda _point_id: False,
            pauses=SHORT,
        )
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(shelf.run()), group.create_task(dispatcher.run())]
            yield Work(photographer=photographer, dispatcher=dispatcher, shelf=shelf, folder=folder / "captures")
            for task in tasks:
                task.cancel()


@pytest.fixture
async def work(tmp_path: Path) -> AsyncIterator[Work]:
    async with working(tmp_path) as running:
        yield running


async def test_who_waits_is_told_the_first_reason_at_once(work: Work) -> None:
    work.photographer.faults = [NotTaken("port_closed", "nobody listens")]

    row = await work.dispatcher.settled(order())

    assert (row.state, row.reason, row.attempts) == ("failed", "port_closed: nobody listens", 1)


async def test_an_order_for_later_is_tried_again_until_it_succeeds(work: Work) -> None:
    work.photographer.faults = [NotTaken("no_answer", "a"), NotTaken("no_answer", "b")]
    asked = order(origin=Origin.ASYNC)

    await work.shelf.database.run(lambda db: index.ask(db, [asked]))
    work.dispatcher.load()

    row = await work.settled(asked)
    assert (row.state, row.attempts, row.reason) == ("done", 3, "")


async def test_an_order_that_fails_again_and_again_ends_with_the_last_reason(work: Work) -> None:
    work.photographer.faults = [NotTaken("no_answer", f"attempt {n}") for n in (1, 2, 3)]
    asked = order(origin=Origin.ASYNC)

    await work.shelf.database.run(lambda db: index.ask(db, [asked]))
    work.dispatcher.load()

    row = await work.settled(asked)
    assert (row.state, row.attempts, row.reason) == ("failed", 3, "no_answer: attempt 3")


async def test_what_can_never_be_taken_is_not_tried_again(work: Work) -> None:
    work.photographer.faults = [NotTaken("unknown_camera", "no such camera")]
    planned = order(origin=Origin.PLAN)

    work.dispatcher.put(planned)

    assert (await work.settled(planned)).attempts == 1


async def test_a_planned_picture_gets_a_second_attempt(work: Work) -> None:
    work.photographer.faults = [NotTaken("no_answer", "a")]
    planned = order(origin=Origin.PLAN)

    work.dispatcher.put(planned)

    row = await work.settled(planned)
    assert (row.state, row.attempts) == ("done", 2)


async def test_no_more_are_taken_at_one_time_than_allowed(tmp_path: Path) -> None:
    async with working(tmp_path, at_once=3) as work:
        work.photographer.go_on.clear()
        orders = [order(f"p{n}") for n in range(10)]
        async with asyncio.TaskGroup() as group:
            for each in orders:
                group.create_task(work.dispatcher.settled(each))
            await until(lambda: work.photographer.at_once == 3, within_s=60, what="three at once")
            work.photographer.go_on.set()

    assert work.photographer.most_at_once == 3
    assert len(work.photographer.taken) == 10


async def test_pictures_begin_no_faster_than_the_box_allows(tmp_path: Path) -> None:
    loop = asyncio.get_running_loop()
    async with working(tmp_path, per_s=50.0) as work:
        began_s = loop.time()
        await asyncio.gather(*(work.dispatcher.settled(order(f"p{n}")) for n in range(11)))

    assert loop.time() - began_s >= 0.19


async def test_a_disk_that_takes_nothing_is_told_as_the_reason(work: Work) -> None:
    work.shelf.paused = "disk_full: 1 MiB is free"

    row = await work.dispatcher.settled(order())

    assert (row.state, row.reason) == ("failed", "disk_full: 1 MiB is free")


@pytest.mark.parametrize(
    ("remove", "left"),
    [
        (lambda db: retention.make_room(db, 1), ["p2", "p3"]),
        (lambda db: retention.make_room(db, 10**9), []),
        (lambda db: retention.expire(db, datetime.now(UTC), keep_days=0), []),
        (lambda db: retention.expire(db, datetime.now(UTC), keep_days=1), ["p1", "p2", "p3"]),
    ],
    ids=["a little room", "much room", "age", "young"],
)
async def test_the_oldest_pictures_give_way(
    work: Work, remove: Callable[..., retention.Removed], left: list[str]
) -> None:
    for point in ("p1", "p2", "p3"):
        await work.dispatcher.settled(order(point))

    removed = await work.shelf.database.run(remove)

    rows = await work.shelf.database.read(lambda db: index.newest(db, index.Filter(), before=None, limit=10))
    held = await work.shelf.database.read(index.held)
    assert sorted(row.point_id for row in rows) == left
    assert held == (len(left), sum(row.size_bytes for row in rows))
    assert len(removed.digests) == 3 - len(left)


async def test_a_picture_stays_while_another_snapshot_shows_it(work: Work) -> None:
    first, second = order(origin=Origin.PLAN), order(origin=Origin.PLAN)
    work.photographer.go_on.clear()
    work.dispatcher.put(first)
    work.dispatcher.put(second)
    work.photographer.go_on.set()
    rows = [await work.settled(first), await work.settled(second)]

    removed = await work.shelf.database.run(lambda db: retention.make_room(db, 1))

    assert rows[0].digest == rows[1].digest
    assert removed.digests == ()
    assert await work.shelf.database.read(index.held) == (1, rows[0].size_bytes)


async def test_orders_that_wait_are_never_removed(work: Work) -> None:
    work.photographer.go_on.clear()
    asked = order(origin=Origin.ASYNC)
    await work.shelf.database.run(lambda db: index.ask(db, [asked]))

    await work.shelf.database.run(lambda db: retention.expire(db, datetime.now(UTC), keep_days=0))

    assert await work.shelf.database.read(index.waiting) == 1


async def test_more_orders_than_the_index_takes_are_refused_as_a_whole(work: Work) -> None:
    two = [order(origin=Origin.ASYNC) for _ in range(2)]
    work.photographer.go_on.clear()
    await work.shelf.database.run(lambda db: index.ask(db, [order(origin=Origin.ASYNC)]))

    with pytest.raises(index.QueueFull):
        await work.shelf.database.run(lambda db: index.ask(db, two, most=2))

    assert await work.shelf.database.read(index.waiting) == 1
