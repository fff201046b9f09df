"""One camera, pulled from the rig's real RTSP server."""

import asyncio
import gc
import weakref
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import NoReturn

import pytest

from appliance.local import DecodeLevel
from appliance.streams.access_unit import AccessUnit
from appliance.streams.camera import Camera
from appliance.streams.errors import Refused, StreamError, Unreachable
from appliance.streams.feeds import Feed
from appliance.streams.pace import BEAT_S, Pace, beat_within, pause_s
from appliance.streams.source import Intake, Traffic
from federation.messages import CameraSpec, CameraState
from federation.testing.waiting import until
from hil_tests.rig.cameras import virtual_cameras
from hil_tests.rig.rtsp.clip import Clip
from tests.appliance.streams.conftest import pulled_into

Pulled = Callable[..., AbstractAsyncContextManager[tuple[Camera, list[AccessUnit]]]]
SpecOf = Callable[..., CameraSpec]


def is_(camera: Camera, state: CameraState) -> Callable[[], bool]:
    return lambda: camera.health.state is state


async def test_a_camera_delivers_key_frames_and_comes_back_after_a_cut(
    clip: Clip, pulled: Pulled, spec_of: SpecOf
) -> None:
    async with virtual_cameras({"cam1": clip}) as cameras, pulled(spec_of(cameras)) as (camera, arrived):
        await until(lambda: any(item.key for item in arrived), within_s=60, what="a key frame")
        assert camera.health.state is CameraState.LIVE
        assert arrived[0].parameters.width_px == 320

        cameras.kill_connections("cam1")

        await until(lambda: arrived[-1].session == 2, within_s=60, what="a second session")
        sequences = [item.sequence for item in arrived]
        assert sequences == sorted(set(sequences))


@pytest.mark.parametrize(
    "url", ["rtsp://cam:99999/", "rtsp://[bad/", "ftp://cam/", "rtsp://", "rtsp://a..b/", "rtsp://" + "x" * 80 + "/"]
)
async def test_an_impossible_address_is_refused_and_ends_nothing(url: str, pulled: Pulled) -> None:
    async with pulled(CameraSpec(point_id="p1", name="p1", url=url)) as (camera, _):
        await until(is_(camera, CameraState.REFUSED), within_s=60, what="refused")

    assert camera.health.reason.startswith("bad_address: ")


async def test_a_camera_that_nobody_serves_is_unreachable(pulled: Pulled) -> None:
    async with pulled(CameraSpec(point_id="p1", name="p1", url="rtsp://127.0.0.1:1/")) as (camera, _):
        await until(is_(camera, CameraState.UNREACHABLE), within_s=60, what="unreachable")

    assert camera.health.reason.startswith("port_closed: ")


async def test_nothing_of_an_attempt_is_kept_once_the_next_has_begun() -> None:
    class Fails:
        async def run(self) -> NoReturn:
            raise Unreachable("no_way", "there is no way")

        def tick(self, now_s: float) -> None:
            """Nothing is due."""

        def traffic(self) -> Traffic:
            return Traffic()

    made: list[weakref.ref[Fails]] = []

    def make(_spec: CameraSpec, _intake: Intake, _last: StreamError | None) -> Fails:
        source = Fails()
        made.append(weakref.ref(source))
        return source

    spec = CameraSpec(point_id="p1", name="p1", url="rtsp://127.0.0.1:1/")
    camera = Camera(spec, feed=Feed(), make_source=make, pace=Pace(), changed=lambda: None)
    async with asyncio.TaskGroup() as group:
        pulling = group.create_task(camera.run())
        await until(lambda: len(made) == 3, within_s=90, what="three attempts")
        pulling.cancel()
        gc.collect()
        assert made[0]() is None


def test_a_lost_camera_is_tried_soon_and_one_that_refuses_far_less_often() -> None:
    lost = [pause_s(failures, 1.0, Unreachable("gone", "gone")) for failures in (1, 2, 3, 1000)]
    refused = [pause_s(failures, 1.0, Refused("no", "no")) for failures in (1, 2, 3, 1000)]

    assert lost == [0.5, 1.0, 1.5, 1.5]
    assert refused == [0.5, 1.0, 2.0, 30.0]


def test_pauses_are_spread_so_that_cameras_do_not_come_back_all_at_once() -> None:
    error = Unreachable("gone", "gone")

    assert pause_s(1, 0.0, error) < pause_s(1, 0.5, error) < pause_s(1, 1.0, error)


@pytest.mark.parametrize(("for_s", "beat_s"), [(1.5, 101.5), (0.45, 100.4), (0.38, 100.4), (0.02, 100.1)])
def test_cameras_that_wait_wake_up_on_beats_and_none_later_than_it_would_alone(for_s: float, beat_s: float) -> None:
    ends_s = beat_within(for_s, 100.03)

    assert ends_s == pytest.approx(beat_s)
    assert 100.03 < ends_s <= 100.03 + max(for_s, BEAT_S)


async def test_attempts_begin_at_a_bounded_rate() -> None:
    pace, loop = Pace(per_s=50), asyncio.get_running_loop()
    began = loop.time()

    await asyncio.gather(*(pace.turn() for _ in range(11)))

    assert loop.time() - began >= 0.19


class Needy:
    """Needs a camera's key frames, and does nothing with them."""

    level = DecodeLevel.KEYFRAME

    def take(self, unit: AccessUnit) -> None:
        pass

    def await_key(self) -> None:
        pass


async def test_a_camera_that_is_pulled_when_asked_is_left_alone_until_somebody_needs_it(
    clip: Clip, spec_of: SpecOf
) -> None:
    feed = Feed()
    async with virtual_cameras({"cam1": clip}) as cameras, pulled_into(feed, spec_of(cameras, pull="asked")) as camera:
        await until(is_(camera, CameraState.IDLE), within_s=60, what="idle")
        assert camera.health.attempts == 0

        feed.attach(Needy(), newest=True)

        await until(is_(camera, CameraState.LIVE), within_s=60, what="live")


async def test_it_is_let_go_soon_after_nobody_needs_it_any_more_and_no_old_picture_is_kept(
    clip: Clip, spec_of: SpecOf
) -> None:
    feed, needy = Feed(), Needy()
    async with virtual_cameras({"cam1": clip}) as cameras, pulled_into(feed, spec_of(cameras, pull="asked")) as camera:
        feed.attach(needy, newest=True)
        await until(lambda: feed.newest_key, within_s=60, what="a picture")

        feed.detach(needy)

        await until(is_(camera, CameraState.IDLE), within_s=60, what="idle")
        assert feed.newest_key is None
        feed.attach(needy, newest=True)
        await until(is_(camera, CameraState.LIVE), within_s=60, what="live again")
        assert camera.report(0.0).reconnects == 0
