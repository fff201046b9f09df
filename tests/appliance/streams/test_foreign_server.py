"""Our reader against a server that is not ours: GStreamer's, with Digest, over TCP and UDP."""

import subprocess
from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from itertools import pairwise

import pytest

from appliance.streams.access_unit import AccessUnit
from appliance.streams.camera import Camera
from federation.messages import CameraSpec, CameraState
from federation.testing.waiting import until
from hil_tests.rig.foreign import ForeignServer, foreign_server

Pulled = Callable[..., AbstractAsyncContextManager[tuple[Camera, list[AccessUnit]]]]
WITHIN_S = 90.0


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ForeignServer]:
    folder = tmp_path_factory.mktemp("foreign")
    source = ["ffmpeg", "-v", "error", "-f", "lavfi", "-i", "testsrc2=size=320x180:rate=10:duration=12"]
    h264 = ["-c:v", "libx264", "-preset", "ultrafast", "-g", "10", "-bf", "0", "-pix_fmt", "yuv420p"]
    h265 = ["-c:v", "libx265", "-preset", "ultrafast", "-tag:v", "hvc1", "-pix_fmt", "yuv420p"]
    h265 += ["-x265-params", "keyint=10:min-keyint=10:bframes=0:log-level=none"]
    for name, options in {"h264.mp4": h264, "h265.mp4": h265}.items():
        subprocess.run([*source, *options, str(folder / name)], check=True)
    subprocess.run([*source, "-t", "1", *h264, str(folder / "short.mp4")], check=True)
    files = {"h264": folder / "h264.mp4", "h265": folder / "h265.mp4", "h264-inband": folder / "h264.mp4"}
    with foreign_server({**files, "h264-short": folder / "short.mp4"}) as running:
        yield running


def spec(server: ForeignServer, name: str, transport: str = "auto") -> CameraSpec:
    account = server.credentials
    values = {"url": server.url(name), "username": account.username, "password": account.password}
    return CameraSpec.model_validate({"point_id": name, "name": name, "transport": transport, **values})


async def test_both_codecs_come_whole_over_tcp_and_udp(server: ForeignServer, pulled: Pulled) -> None:
    wanted = [(name, transport) for name in ("h264", "h264-inband", "h265") for transport in ("tcp", "udp")]
    async with AsyncExitStack() as stack:
        pulls = [await stack.enter_async_context(pulled(spec(server, name, transport))) for name, transport in wanted]
        for (name, transport), (camera, arrived) in zip(wanted, pulls, strict=True):
            what = f"pictures of {name} over {transport}, not {camera.health.reason}"
            await until(more_than(25, arrived), within_s=WITHIN_S, what=what)

    for (name, transport), (camera, arrived) in zip(wanted, pulls, strict=True):
        assert arrived[0].key
        assert arrived[0].parameters.codec == name[:4]
        assert (arrived[0].parameters.width_px, arrived[0].parameters.height_px) == (320, 180)
        assert {later.sequence - item.sequence for item, later in pairwise(arrived)} == {1}
        assert all(abs(later.pts - item.pts - 9000) <= 90 for item, later in pairwise(arrived))
        assert camera.report(0.0).transport == transport


async def test_its_clock_is_told(server: ForeignServer, pulled: Pulled) -> None:
    async with pulled(spec(server, "h264")) as (_, arrived):
        await until(
            lambda: len(arrived) > 0 and arrived[-1].sent_at is not None, within_s=WITHIN_S, what="a sender report"
        )

    sent_at = arrived[-1].sent_at
    assert sent_at is not None
    assert abs((sent_at - arrived[-1].arrived_at).total_seconds()) < 5


async def test_its_end_of_a_stream_is_a_failure_and_the_stream_begins_again(
    server: ForeignServer, pulled: Pulled
) -> None:
    async with pulled(spec(server, "h264-short")) as (camera, arrived):
        await until(lambda: len(arrived) > 0, within_s=WITHIN_S, what="pictures")
        await until(lambda: camera.health.state is not CameraState.LIVE, within_s=WITHIN_S, what="the end")
        await until(lambda: arrived[-1].session > 1, within_s=WITHIN_S, what="a new beginning")


async def test_a_wrong_password_is_refused_there_too(server: ForeignServer, pulled: Pulled) -> None:
    wrong = spec(server, "h264").model_copy(update={"password": "wrong"})

    async with pulled(wrong) as (camera, _):
        await until(lambda: camera.health.state is CameraState.REFUSED, within_s=WITHIN_S, what="refused")

    assert camera.health.reason.startswith("wrong_password: ")


def more_than(count: int, arrived: list[AccessUnit]) -> Callable[[], bool]:
    return lambda: len(arrived) > count
