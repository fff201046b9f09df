"""The ways of cameras, decent and otherwise: each is pulled as it wants, and each fault is told by its name."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from itertools import pairwise
from typing import Any

import pytest
import pytest_asyncio

from appliance.local import DecodeLevel
from appliance.streams.access_unit import AccessUnit
from appliance.streams.camera import Camera
from appliance.streams.feeds import Subscription
from federation.messages import CameraSpec, CameraState
from federation.testing.waiting import until
from hil_tests.rig.cameras import VirtualCameras, virtual_cameras
from hil_tests.rig.footage.pattern import write_pattern
from hil_tests.rig.footage.writer import Encoding
from hil_tests.rig.rtsp.clip import Clip, read_clip

Pulled = Callable[..., AbstractAsyncContextManager[tuple[Camera, list[AccessUnit]]]]
SpecOf = Callable[..., CameraSpec]
WITHIN_S = 60.0


@pytest.fixture(scope="module")
def h265_clip(tmp_path_factory: pytest.TempPathFactory) -> Clip:
    encoding = Encoding(width_px=640, height_px=360, fps=Fraction(10), gop_s=0.5, codec="h265", preset="ultrafast")
    return read_clip(write_pattern(tmp_path_factory.mktemp("clip") / "h265.mp4", encoding, seconds=1, noise=40))


@pytest_asyncio.fixture
async def cameras(clip: Clip) -> AsyncIterator[VirtualCameras]:
    async with virtual_cameras({"cam1": clip}, secure=True) as running:
        yield running


def has_state(camera: Camera, state: CameraState, code: str = "") -> Callable[[], bool]:
    return lambda: camera.health.state is state and camera.health.reason.startswith(code)


def more_than(count: int, arrived: list[AccessUnit]) -> Callable[[], bool]:
    return lambda: len(arrived) > count


def is_reported_on(cameras: VirtualCameras, name: str) -> Callable[[], bool]:
    return lambda: cameras.figures(name).receiver_reports > 0


def has_lost(camera: Camera, count: int) -> Callable[[], bool]:
    return lambda: camera.report(0.0).packets_lost > count


async def live(camera: Camera) -> None:
    await until(has_state(camera, CameraState.LIVE), within_s=WITHIN_S, what=f"live, not {camera.health.reason}")


WAYS: Mapping[str, tuple[dict[str, Any], dict[str, str], str]] = {
    "basic": ({"scheme": "basic"}, {}, "tcp"),
    "digest-qop": ({"scheme": "digest-qop"}, {}, "tcp"),
    "digest-sha256": ({"scheme": "digest-sha256"}, {}, "tcp"),
    "stale-nonces": ({"scheme": "digest-qop", "nonce_uses": 1}, {}, "tcp"),
    "odd": ({"odd": True}, {}, "tcp"),
    "no-get-parameter": ({"answers_get_parameter": False}, {}, "tcp"),
    "udp-only": ({"refuses_tcp": True}, {}, "udp"),
    "udp": ({}, {"transport": "udp"}, "udp"),
    "tcp": ({}, {"transport": "tcp"}, "tcp"),
    "wild-clock": ({"clock_jump_s": 47_000.0}, {}, "tcp"),
}


async def test_each_camera_is_pulled_in_its_own_way(clip: Clip, pulled: Pulled, spec_of: SpecOf) -> None:
    async with virtual_cameras(dict.fromkeys(WAYS, clip)) as cameras, AsyncExitStack() as stack:
        pulls = {}
        for name, (ways, spec, _) in WAYS.items():
            cameras.behave(name, **ways)
            pulls[name] = await stack.enter_async_context(pulled(spec_of(cameras, name, **spec)))
        for name, (camera, arrived) in pulls.items():
            what = f"pictures of {name}, not {camera.health.reason}"
            await until(more_than(12, arrived), within_s=WITHIN_S, what=what)

    seen = {name: camera.report(0.0).transport for name, (camera, _) in pulls.items()}
    assert seen == {name: transport for name, (_, _, transport) in WAYS.items()}
    for _, arrived in pulls.values():
        assert arrived[0].key
        assert arrived[0].parameters.width_px == 320
        assert {later.pts - item.pts for item, later in pairwise(arrived)} == {9000}


async def test_h265_is_pulled_whole(h265_clip: Clip, pulled: Pulled, spec_of: SpecOf) -> None:
    async with virtual_cameras({"cam1": h265_clip}) as cameras, pulled(spec_of(cameras)) as (_, arrived):
        await until(lambda: len(arrived) > 12, within_s=WITHIN_S, what="pictures")

    assert (arrived[0].parameters.codec, arrived[0].parameters.width_px) == ("h265", 640)
    assert [item[0] >> 1 & 0x3F for item in arrived[0].parameters.sets] == [32, 33, 34]
    assert {later.sequence - item.sequence for item, later in pairwise(arrived)} == {1}


async def test_a_session_is_kept_alive_reported_on_and_timed_by_the_cameras_clock(
    clip: Clip, pulled: Pulled, spec_of: SpecOf
) -> None:
    async with virtual_cameras({"tcp": clip, "udp": clip}) as cameras, AsyncExitStack() as stack:
        arrived: list[AccessUnit] = []
        for name in ("tcp", "udp"):
            cameras.behave(name, session_timeout_s=2, scheme="digest-qop", nonce_uses=1)
            _, arrived = await stack.enter_async_context(pulled(spec_of(cameras, name, transport=name)))
        for name in ("tcp", "udp"):
            await until(is_reported_on(cameras, name), within_s=WITHIN_S, what="a receiver report")

        # The camera's own report, by which its clock is known, has a way of its own.
        sent_at = await until(lambda: arrived[-1].sent_at, within_s=WITHIN_S, what="a picture timed by the camera")
        assert {item.session for item in arrived} == {1}
        assert sent_at is not None
        assert abs(sent_at - datetime.now(UTC)) < timedelta(seconds=30)


@pytest.mark.parametrize("trust", ["none", "pin"])
async def test_a_camera_is_pulled_over_tls(
    cameras: VirtualCameras, pulled: Pulled, spec_of: SpecOf, trust: str
) -> None:
    told = f"sha256:{cameras.fingerprint}" if trust == "pin" else trust

    async with pulled(spec_of(cameras, url=cameras.secure_url("cam1"), trust=told)) as (camera, arrived):
        await until(lambda: len(arrived) > 5, within_s=WITHIN_S, what=f"pictures, not {camera.health.reason}")

    assert camera.report(0.0).transport == "tls"


@pytest.mark.parametrize("trust", ["verify", "sha256:" + "0" * 64, "sha256:nonsense"])
async def test_a_certificate_that_is_not_trusted_is_refused_before_the_password_is_sent(
    cameras: VirtualCameras, pulled: Pulled, spec_of: SpecOf, trust: str
) -> None:
    async with pulled(spec_of(cameras, url=cameras.secure_url("cam1"), trust=trust)) as (camera, _):
        await until(has_state(camera, CameraState.REFUSED, "untrusted: "), within_s=WITHIN_S, what="refused")

    assert cameras.figures("cam1").connects == 0


async def test_a_redirect_is_followed(clip: Clip, pulled: Pulled, spec_of: SpecOf) -> None:
    async with virtual_cameras({"cam1": clip, "cam2": clip}) as cameras:
        cameras.behave("cam1", redirect_to=cameras.url("cam2"))
        async with pulled(spec_of(cameras)) as (camera, _):
            await live(camera)

        assert cameras.figures("cam2").connects == 1


async def test_a_camera_that_redirects_for_ever_is_refused(
    cameras: VirtualCameras, pulled: Pulled, spec_of: SpecOf
) -> None:
    cameras.behave("cam1", redirect_to=cameras.url("cam1"))

    async with pulled(spec_of(cameras)) as (camera, _):
        await until(has_state(camera, CameraState.REFUSED, "moved_too_often: "), within_s=WITHIN_S, what="refused")


FAULTS: Mapping[str, tuple[dict[str, Any], dict[str, str], str]] = {
    "stalls-in-describe": ({"stalls_in": "DESCRIBE"}, {}, "stalled, no_answer"),
    "stalls-in-setup": ({"stalls_in": "SETUP"}, {}, "stalled, no_answer"),
    "frozen": ({"state": "frozen"}, {}, "stalled, no_pictures"),
    "silent": ({"state": "silent"}, {}, "stalled, no_answer"),
    "stopped": ({"state": "stopped"}, {}, "unreachable, connection_lost"),
    "refuses": ({"refuses": True}, {}, "refused, wrong_password"),
    "storms": ({"storms": True}, {}, "refused, wrong_password"),
    "asks-whom-it-does-not-know": ({}, {"username": "", "password": ""}, "refused, password_needed"),
    "drips": ({"drip_bytes_per_s": 20}, {}, "stalled, no_answer"),
    "giant-header": ({"giant_header_bytes": 1 << 20}, {}, "stalled, protocol_violation"),
    "no-udp": ({"refuses_udp": True}, {"transport": "udp"}, "refused, unsupported_transport"),
    "no-transport": ({"refuses_tcp": True, "refuses_udp": True}, {}, "refused, unsupported_transport"),
    "nowhere": ({}, {"url": "rtsp://127.0.0.1:{port}/elsewhere"}, "refused, not_found"),
}


async def test_what_is_wrong_is_told_and_a_camera_is_live_once_it_is_mended(
    clip: Clip, pulled: Pulled, spec_of: SpecOf
) -> None:
    async with virtual_cameras(dict.fromkeys(FAULTS, clip)) as cameras, AsyncExitStack() as stack:
        pulls = {}
        for name, (ways, spec, _) in FAULTS.items():
            cameras.behave(name, **ways)
            changes = {key: value.format(port=cameras.port) for key, value in spec.items()}
            pulls[name] = await stack.enter_async_context(pulled(spec_of(cameras, name, **changes)))

        await until(lambda: told(pulls) == expected(), within_s=WITHIN_S, what="every fault told")
        assert not any(arrived for _, arrived in pulls.values())
        lost = [name for name, (_, _, fault) in FAULTS.items() if not fault.startswith("refused")]
        for name in lost:
            cameras.behave(name, state="live", stalls_in="", drip_bytes_per_s=0, giant_header_bytes=0)
        await until(
            lambda: all(pulls[name][0].health.state is CameraState.LIVE for name in lost),
            within_s=WITHIN_S,
            what="every lost camera live again",
        )


def told(pulls: Mapping[str, tuple[Camera, list[AccessUnit]]]) -> dict[str, str]:
    return {
        name: f"{camera.health.state.value}, {camera.health.reason.partition(':')[0]}"
        for name, (camera, _) in pulls.items()
    }


def expected() -> dict[str, str]:
    return {name: fault for name, (_, _, fault) in FAULTS.items()}


async def test_a_camera_that_goes_silent_is_stalled_within_five_seconds_and_back_within_two(
    cameras: VirtualCameras, pulled: Pulled, spec_of: SpecOf
) -> None:
    async with pulled(spec_of(cameras)) as (camera, arrived):
        await live(camera)
        cameras.behave("cam1", state="silent")
        await until(has_state(camera, CameraState.STALLED, "no_pictures: "), within_s=WITHIN_S, what="stalled")
        silent_s = camera.report(arrived[-1].arrived_s + 4.5).unit_age_s
        cameras.behave("cam1", state="live")
        await live(camera)

    assert silent_s == pytest.approx(4.5)


async def test_a_camera_that_ends_the_session_is_pulled_again(
    cameras: VirtualCameras, pulled: Pulled, spec_of: SpecOf
) -> None:
    async with pulled(spec_of(cameras)) as (camera, arrived):
        await live(camera)
        assert cameras.end_sessions("cam1") == 1

        await until(lambda: arrived[-1].session == 2, within_s=WITHIN_S, what="a second session")

    assert camera.report(0.0).reconnects == 1


async def test_another_size_is_noticed_within_the_session(
    cameras: VirtualCameras, pulled: Pulled, spec_of: SpecOf, tmp_path_factory: pytest.TempPathFactory
) -> None:
    encoding = Encoding(width_px=640, height_px=480, fps=Fraction(10), gop_s=1.0)
    other = read_clip(write_pattern(tmp_path_factory.mktemp("clip") / "other.mp4", encoding, seconds=1))

    async with pulled(spec_of(cameras)) as (camera, arrived):
        await live(camera)
        cameras.show("cam1", other)
        await until(lambda: arrived[-1].parameters.width_px == 640, within_s=WITHIN_S, what="the other size")
        await until(lambda: camera.health.gop_s == 1.0, within_s=WITHIN_S, what="the other distance of key frames")

    assert {item.session for item in arrived} == {1}
    assert (camera.report(0.0).width_px, camera.report(0.0).height_px) == (640, 480)


async def test_a_parameter_set_that_is_nonsense_is_told(
    cameras: VirtualCameras, pulled: Pulled, spec_of: SpecOf
) -> None:
    cameras.behave("cam1", bad_sps=True)

    async with pulled(spec_of(cameras)) as (camera, _):
        await until(
            has_state(camera, CameraState.LIVE, "unreadable_parameters: "), within_s=WITHIN_S, what="a word of warning"
        )


async def test_lost_packets_are_counted_and_what_they_belong_to_is_never_handed_on(
    h265_clip: Clip, pulled: Pulled, spec_of: SpecOf
) -> None:
    async with virtual_cameras({"tcp": h265_clip, "udp": h265_clip}) as cameras, AsyncExitStack() as stack:
        pulls = []
        for name in ("tcp", "udp"):
            cameras.behave(name, loss=0.02)
            pulls.append(await stack.enter_async_context(pulled(spec_of(cameras, name, transport=name))))
        for camera, arrived in pulls:
            await until(has_lost(camera, 3), within_s=WITHIN_S, what="lost packets")
            await until(more_than(3, arrived), within_s=WITHIN_S, what="pictures all the same")

    for _, arrived in pulls:
        for item, later in pairwise(arrived):
            assert later.key or later.sequence == item.sequence + 1


async def test_who_wants_key_frames_only_is_given_nothing_else_until_the_level_is_raised(
    cameras: VirtualCameras, pulled: Pulled, spec_of: SpecOf
) -> None:
    async with pulled(spec_of(cameras), level=DecodeLevel.KEYFRAME) as (camera, arrived):
        await until(lambda: len(arrived) > 2, within_s=WITHIN_S, what="key frames")
        only_keys = all(item.key for item in arrived)
        everything = Subscription(camera._feed, DecodeLevel.DEMUX, limit_units=99, limit_bytes=1 << 20)
        camera._feed.attach(everything, newest=False)
        await until(lambda: everything.waiting > 6, within_s=WITHIN_S, what="all units")
        units = everything.take_all()

    assert only_keys
    assert units[0].key
    assert {item.session for item in units} == {1}
    assert [item.sequence for item in units] == list(range(units[0].sequence, units[0].sequence + len(units)))
