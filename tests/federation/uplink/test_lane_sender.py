"""What a lane's sender notes of where the hub says it stands, and of the rows that it is told of."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, cast

from federation.messages import Ack, Lane
from federation.testing.waiting import until
from federation.uplink.lane_sender import LaneSender
from federation.uplink.store import LaneState, Said

EPOCH = "e1"


class KeptLane:
    """A lane of five rows, all of which a hub has acknowledged; keeps what it is told."""

    def __init__(self) -> None:
        self.told: list[tuple[int, int | None]] = []

    async def state(self, _lane: Lane) -> LaneState:
        return LaneState(epoch=EPOCH, base=1, produced=5, acknowledged=5)

    async def acknowledge(self, _lane: Lane, _epoch: str, upto: int, *, went_back_to: int | None) -> None:
        self.told.append((upto, went_back_to))


class NoSession:
    connected = False


async def test_where_a_restored_hub_stood_is_not_forgotten_for_what_it_takes_at_once() -> None:
    lane = KeptLane()
    sender = LaneSender(store=cast("Any", lane), session=cast("Any", NoSession()), node_id="n1", lane=Lane.EVIDENCE)
    await sender.begin()
    sender.answered(Ack(epoch=EPOCH, lane=Lane.EVIDENCE, upto=2))  # the answer to a hello
    sender.answered(Ack(epoch=EPOCH, lane=Lane.EVIDENCE, upto=5))  # what was on its way

    async with asyncio.TaskGroup() as group:
        running = group.create_task(sender.run())
        await until(lambda: lane.told, within_s=60, what="the lane is told")
        running.cancel()

    assert lane.told[0][1] == 2


@dataclass(kw_only=True)
class GrowingLane:
    """A lane in memory; `meanwhile` is called once, while its state is read."""

    epoch: str = EPOCH
    produced: int = 0
    acknowledged: int = 0
    meanwhile: Callable[[], None] | None = None
    asked: list[tuple[int, int]] = field(default_factory=list)
    buried: list[int] = field(default_factory=list)

    async def state(self, _lane: Lane) -> LaneState:
        read = LaneState(epoch=self.epoch, base=1, produced=self.produced, acknowledged=self.acknowledged)
        await asyncio.sleep(0)
        if (meanwhile := self.meanwhile) is not None:
            self.meanwhile = None
            meanwhile()
        return read

    async def next_batch(self, _lane: Lane, first: int, count: int) -> Said | None:
        self.asked.append((first, count))
        await asyncio.sleep(0)
        last = min(self.produced, first + count - 1)
        return Said(payload=b"rows", last=last) if first <= last else None

    async def matches(self, _lane: Lane, _sequence: int, _mark: str) -> bool:
        return False

    async def acknowledge(self, _lane: Lane, _epoch: str, upto: int, *, went_back_to: int | None) -> None:
        self.acknowledged = upto

    async def begin_epoch(self, _lane: Lane, _claimed: int) -> None:
        self.epoch, self.produced, self.acknowledged = "e2", self.produced - self.acknowledged, 0

    async def bury_missing(self, _lane: Lane, first: int) -> None:
        self.buried.append(first)


class OpenSession:
    connected = True

    def __init__(self) -> None:
        self.topics: list[str] = []

    def publish(self, topic: str, _payload: bytes, *, qos: int) -> None:
        assert qos == 0
        self.topics.append(topic)


@asynccontextmanager
async def running(sender: LaneSender) -> AsyncIterator[None]:
    async with asyncio.TaskGroup() as group:
        task = group.create_task(sender.run())
        yield
        task.cancel()


def sender_of(lane: GrowingLane, session: OpenSession) -> LaneSender:
    return LaneSender(store=cast("Any", lane), session=cast("Any", session), node_id="n1", lane=Lane.EVENTS)


async def test_a_row_that_is_told_of_while_the_lane_is_read_flies() -> None:
    lane, session = GrowingLane(), OpenSession()
    sender = sender_of(lane, session)

    def commit() -> None:
        lane.produced = 1
        sender.produced(1)

    lane.meanwhile = commit
    await sender.begin()
    async with running(sender):
        sender.answered(Ack(epoch=EPOCH, lane=Lane.EVENTS, upto=0))

        await until(lambda: session.topics, within_s=60, what="the row flies")

    assert lane.asked == [(1, 1)]


async def test_a_row_that_is_told_of_by_its_number_of_an_old_epoch_is_buried_by_nobody() -> None:
    lane, session = GrowingLane(produced=6, acknowledged=5), OpenSession()
    sender = sender_of(lane, session)
    await sender.begin()
    async with running(sender):
        sender.answered(Ack(epoch=EPOCH, lane=Lane.EVENTS, upto=5))
        sender.answered(Ack(epoch=EPOCH, lane=Lane.EVENTS, upto=10**9, nak=True))
        await until(lambda: sender.sender.epoch == "e2", within_s=60, what="a new epoch begins")
        sender.produced(6)
        sender.answered(Ack(epoch="e2", lane=Lane.EVENTS, upto=0))
        await until(lambda: sender.sender.sent == 1, within_s=60, what="the row flies in the new epoch")
        await until(lambda: lane.asked[-1][0] == 2, within_s=60, what="the next one is looked for")
        lane.produced = 2
        sender.produced(2)

        await until(lambda: sender.sender.sent == 2, within_s=60, what="the next row flies")

    assert lane.buried == []
