"""Cameras of the product, pulled in tests."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from fractions import Fraction

import pytest

from appliance.local import DecodeLevel
from appliance.streams.access_unit import AccessUnit
from appliance.streams.camera import Camera
from appliance.streams.feeds import Feed
from appliance.streams.pace import Pace
from appliance.streams.sources import Sources
from federation.messages import CameraSpec
from hil_tests.rig.cameras import VirtualCameras
from hil_tests.rig.footage.pattern import write_pattern
from hil_tests.rig.footage.writer import Encoding
from hil_tests.rig.rtsp.clip import Clip, read_clip

TICK_S = 0.2

Pulled = Callable[..., AbstractAsyncContextManager[tuple[Camera, list[AccessUnit]]]]
SpecOf = Callable[..., CameraSpec]


@pytest.fixture(scope="session")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Clip:
    path = tmp_path_factory.mktemp("clip") / "pattern.mp4"
    return read_clip(write_pattern(path, Encoding(width_px=320, height_px=240, fps=Fraction(10), gop_s=0.5), seconds=2))


@pytest.fixture
def pulled() -> Pulled:
    """Give what pulls a camera: within the context it comes with the list of what has arrived."""
    return _pulled


@pytest.fixture
def spec_of() -> SpecOf:
    """Give what says how a virtual camera is pulled."""
    return _spec_of


class _Collector:
    """Takes every unit of a camera into a list."""

    def __init__(self, units: list[AccessUnit], level: DecodeLevel) -> None:
        self.level = level
        self.take = units.append

    def await_key(self) -> None:
        pass


@asynccontextmanager
async def _pulled(
    spec: CameraSpec, *, level: DecodeLevel = DecodeLevel.DEMUX
) -> AsyncIterator[tuple[Camera, list[AccessUnit]]]:
    arrived: list[AccessUnit] = []
    feed = Feed()
    feed.attach(_Collector(arrived, level), newest=False)
    async with pulled_into(feed, spec) as camera:
        yield camera, arrived


@asynccontextmanager
async def pulled_into(feed: Feed, spec: CameraSpec) -> AsyncIterator[Camera]:
    """Pull a camera into a feed of the test's own."""
    sources = Sources()
    camera = Camera(spec, feed=feed, make_source=sources.make, pace=Pace(), changed=lambda: None)
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(camera.run()), group.create_task(_tick_forever(camera))]
        try:
            yield camera
        finally:
            for task in tasks:
                task.cancel()
                with suppress(asyncio.CancelledError):
                    await task
            await sources.close()


async def _tick_forever(camera: Camera) -> None:
    while True:
        camera.tick(time.monotonic())
        await asyncio.sleep(TICK_S)


def _spec_of(cameras: VirtualCameras, name: str = "cam1", **changes: str) -> CameraSpec:
    account = cameras.credentials
    values = {"url": cameras.url(name), "username": account.username, "password": account.password}
    return CameraSpec.model_validate({"point_id": "p1", "name": "p1", **values, **changes})
