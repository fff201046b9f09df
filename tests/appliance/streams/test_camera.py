"""One camera, pulled from the rig's real RTSP server."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from fractions import Fraction
from pathlib import Path

import pytest

from appliance.local import DecodeLevel
from appliance.streams.access_unit import AccessUnit
from appliance.streams.camera import Camera, pause_s
from appliance.streams.feeds import Feed
from federation.messages import CameraSpec, CameraState
from federation.testing.waiting import until
from hil_tests.rig.cameras import VirtualCameras, virtual_cameras
from hil_tests.rig.footage.pattern import write_pattern
from hil_tests.rig.footage.writer import Encoding
from hil_tests.rig.rtsp.clip import Clip, read_clip


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Clip:
    path = tmp_path_factory.mktemp("clip") / "pattern.mp4"
    return read_clip(write_pattern(path, Encoding(width_px=320, height_px=240, fps=Fraction(10), gop_s=0.5), seconds=2))


class Collector:
    """Takes every unit of a camera into a list."""

    level = DecodeLevel.DEMUX

    def __init__(self, units: list[AccessUnit]) -> None:
        self.take = units.append

    def await_key(self) -> None:
        pass


@asynccontextmanager
async def pulled(spec: CameraSpec) -> AsyncIterator[tuple[Camera, list[AccessUnit]]]:
    arrived: list[AccessUnit] = []
    feed = Feed()
    feed.attach(Collector(arrived), newest=False)
    camera = Camera(spec, feed=feed, changed=_nothing)
    async with asyncio.TaskGroup() as group:
        task = group.create_task(camera.run())
        try:
            yield camera, arrived
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task


def spec_of(cameras: VirtualCameras, **changes: str) -> CameraSpec:
    account = cameras.credentials
    values = {"url": cameras.url("cam1"), "username": account.username, "password": account.password}
    return CameraSpec.model_validate({"point_id": "p1", "name": "p1", **values, **changes})


def _nothing() -> None:
    pass


async def test_a_camera_delivers_key_frames_and_comes_back_after_a_cut(clip: Clip) -> None:
    async with virtual_cameras({"cam1": clip}) as cameras, pulled(spec_of(cameras)) as (camera, arrived):
        await until(lambda: any(item.key for item in arrived), within_s=10, what="a key frame")
        assert camera.health.state is CameraState.LIVE
        assert camera.health.width_px > 0

        cameras.kill_connections("cam1")

        await until(lambda: arrived[-1].session == 2, within_s=10, what="a second session")
        sequences = [item.sequence for item in arrived]
        assert sequences == sorted(set(sequences))


async def test_a_camera_that_freezes_is_stalled_and_comes_back(clip: Clip) -> None:
    async with virtual_cameras({"cam1": clip}) as cameras, pulled(spec_of(cameras)) as (camera, arrived):
        await until(lambda: len(arrived), within_s=10, what="a picture")

        cameras.freeze("cam1")
        await until(_is(camera, CameraState.STALLED), within_s=8, what="stalled")
        cameras.start("cam1")

        await until(_is(camera, CameraState.LIVE), within_s=15, what="live again")


async def test_a_wrong_password_is_refused(clip: Clip) -> None:
    async with virtual_cameras({"cam1": clip}) as cameras, pulled(spec_of(cameras, password="no")) as (camera, _):
        await until(_is(camera, CameraState.REFUSED), within_s=10, what="refused")

    assert camera.health.reason.startswith("wrong_password: ")


@pytest.mark.parametrize(
    "url", ["rtsp://cam:99999/", "rtsp://[bad/", "http://cam/", "rtsp://", "rtsp://a..b/", "rtsp://" + "x" * 80 + "/"]
)
async def test_an_impossible_address_is_refused_and_ends_nothing(url: str) -> None:
    async with pulled(CameraSpec(point_id="p1", name="p1", url=url)) as (camera, _):
        await until(_is(camera, CameraState.REFUSED), within_s=10, what="refused")

    assert camera.health.reason.startswith("bad_address: ")


async def test_a_camera_that_nobody_serves_is_unreachable(tmp_path: Path) -> None:
    async with pulled(CameraSpec(point_id="p1", name="p1", url="rtsp://127.0.0.1:1/")) as (camera, _):
        await until(_is(camera, CameraState.UNREACHABLE), within_s=10, what="unreachable")


def _is(camera: Camera, state: CameraState) -> Callable[[], bool]:
    return lambda: camera.health.state is state


def test_a_lost_camera_is_tried_every_two_seconds_and_one_that_refuses_far_less_often() -> None:
    lost = [pause_s(failures, 1.0, refused=False) for failures in (1, 2, 3, 1000)]
    refused = [pause_s(failures, 1.0, refused=True) for failures in (1, 2, 3, 1000)]

    assert lost == [0.5, 1.0, 2.0, 2.0]
    assert refused == [0.5, 1.0, 2.0, 30.0]
