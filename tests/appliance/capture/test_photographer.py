"""Taking pictures on a box that is slower than its plans: what it has begun it ends."""

import asyncio
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import cast

import aiohttp

from appliance.capture.heads import Heads
from appliance.capture.keyframes import KeyFrames
from appliance.capture.order import Order, Origin
from appliance.capture.photographer import DECODED_AT_ONCE, Photographer
from appliance.local.vision_client import VisionClient
from appliance.streams.consumers import Consumers, serving
from appliance.streams.feeds import Feeds
from federation.messages import Box, CameraSpec, Want, new_id
from federation.testing.waiting import until
from tests.appliance.coded import coded

JPEG = b"\xff\xd8\xff\xc0\x00\x11\x08\x00\x03\x00\x04\x03\x01\x22\x00\x02\x11\x01\x03\x11\x01\xff\xd9"


@dataclass(kw_only=True)
class SlowVision:
    """Answers once it may, and notes how many asked at one time."""

    go_on: asyncio.Event = field(default_factory=asyncio.Event)
    asking: int = 0
    most: int = 0

    async def portray(self, _codec: str, _payload: bytes, _region: Box | None) -> bytes:
        self.asking += 1
        self.most = max(self.most, self.asking)
        await self.go_on.wait()
        self.asking -= 1
        return JPEG


async def test_a_slow_vision_process_is_given_no_more_than_it_can_end_in_time(tmp_path: Path) -> None:
    cameras = {f"p{n}": CameraSpec(point_id=f"p{n}", name="", url="rtsp://10.0.0.1/1") for n in range(30)}
    [unit, *_] = [unit for unit in coded(seconds=1.0) if unit.key]
    vision, feeds, key_frames = SlowVision(), Feeds(), KeyFrames(tmp_path)
    async with serving(Consumers(feeds), tmp_path), aiohttp.ClientSession() as session, asyncio.TaskGroup() as group:
        photographer = Photographer(
            key_frames=key_frames,
            vision=cast("VisionClient", vision),
            heads=Heads(session=session, camera=cameras.get, keep_home=_nothing),
            camera=cameras.get,
            report=lambda _point: None,
        )
        running = group.create_task(key_frames.run())
        taking = [group.create_task(photographer.take(_order(point_id))) for point_id in cameras]
        for point_id in cameras:
            await until(feeds.of(point_id).wanted.is_set, within_s=60, what="a subscription")
            feeds.of(point_id).send(replace(unit, point_id=point_id, arrived_at=datetime.now(UTC)))
        await until(lambda: vision.asking == DECODED_AT_ONCE, within_s=60, what="a busy vision process")

        vision.go_on.set()
        shots = await asyncio.gather(*taking)
        running.cancel()

    assert len(shots) == len(cameras)
    assert vision.most == DECODED_AT_ONCE


def _order(point_id: str) -> Order:
    now = datetime.now(UTC)
    return Order(id=new_id(), point_id=point_id, want=Want(), origin=Origin.PLAN, asked_at=now, within_s=60)


async def _nothing(_point_id: str, _home: object) -> None:
    """Note nothing: no camera turns here."""
