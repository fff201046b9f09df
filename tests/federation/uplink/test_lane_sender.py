"""What a lane's sender notes of where the hub says it stands."""

import asyncio
from typing import Any, cast

from federation.messages import Ack, Lane
from federation.testing.waiting import until
from federation.uplink.lane_sender import LaneSender
from federation.uplink.store import LaneState

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
        await until(lambda: lane.told, within_s=10, what="the lane is told")
        running.cancel()

    assert lane.told[0][1] == 2
