"""Cameras that our own reader does not speak: each is pulled by FFmpeg in a child, and none hurts another."""

import asyncio
import subprocess
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from itertools import pairwise
from pathlib import Path

import pytest
from aiohttp import encode_basic_auth, web

from appliance.local import DecodeLevel
from appliance.streams.access_unit import AccessUnit
from appliance.streams.camera import Camera
from appliance.streams.feeds import Feed, Subscription
from appliance.streams.jpeg import jpeg_size
from appliance.streams.pace import Pace
from appliance.streams.sources import Sources
from federation.messages import CameraSpec, CameraState
from federation.testing.ports import reserved
from federation.testing.waiting import until

Pulled = Callable[..., AbstractAsyncContextManager[tuple[Camera, list[AccessUnit]]]]
WITHIN_S = 90.0
USER, PASSWORD = "viewer", "p@ss:w/rd"


@pytest.fixture(scope="module")
def footage(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with one scene of 2 s in many wrappings."""
    folder = tmp_path_factory.mktemp("footage")
    source = ["ffmpeg", "-v", "error", "-f", "lavfi", "-i", "testsrc2=size=320x240:rate=10:duration=2"]
    h264 = ["-c:v", "libx264", "-preset", "ultrafast", "-g", "5", "-bf", "0", "-pix_fmt", "yuv420p"]
    for name, options in {
        "scene.mp4": h264,
        "scene.flv": h264,
        "scene.m3u8": [*h264, "-hls_time", "1", "-hls_list_size", "0"],
        "scene.mjpeg": ["-c:v", "mjpeg", "-f", "mpjpeg", "-boundary_tag", "frame"],
        "scene.webm": ["-c:v", "libvpx", "-deadline", "realtime"],
    }.items():
        subprocess.run([*source, *options, str(folder / name)], check=True)
    return folder


@asynccontextmanager
async def web_camera(footage: Path) -> AsyncIterator[str]:
    """Serve footage as cameras do: streams that never end, files, and a page that never answers."""

    over = asyncio.Event()

    async def live(request: web.Request) -> web.StreamResponse:
        kinds = {"flv": "video/x-flv", "mjpeg": "multipart/x-mixed-replace;boundary=frame"}
        kind = request.match_info["kind"]
        response = web.StreamResponse(headers={"Content-Type": kinds[kind]})
        await response.prepare(request)
        content = await asyncio.to_thread((footage / f"scene.{kind}").read_bytes)
        for place in range(0, len(content), 8192):
            await response.write(content[place : place + 8192])
        if "ends" not in request.query:
            await over.wait()
        return response

    async def guarded(request: web.Request) -> web.StreamResponse:
        if request.headers.get("Authorization") != encode_basic_auth(USER, PASSWORD):
            return web.Response(status=401, headers={"WWW-Authenticate": 'Basic realm="camera"'})
        return web.FileResponse(footage / "scene.flv")

    async def silent(request: web.Request) -> web.StreamResponse:
        await over.wait()
        return web.Response()

    app = web.Application()
    app.router.add_get("/live/{kind}", live)
    app.router.add_get("/guarded", guarded)
    app.router.add_get("/silent", silent)
    app.router.add_static("/files", footage)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.5)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        over.set()
        await runner.cleanup()


def spec(url: str, username: str = "", password: str = "") -> CameraSpec:
    return CameraSpec(point_id="p1", name="p1", url=url, username=username, password=password)


@pytest.mark.parametrize(
    ("path", "codec", "transport"),
    [("live/flv", "h264", "http"), ("files/scene.m3u8", "h264", "http"), ("live/mjpeg", "mjpeg", "http")],
)
async def test_streams_over_http_are_pulled(
    footage: Path, pulled: Pulled, path: str, codec: str, transport: str
) -> None:
    async with web_camera(footage) as base, pulled(spec(f"{base}/{path}")) as (camera, arrived):
        await until(lambda: len(arrived) > 8, within_s=WITHIN_S, what=f"pictures, not {camera.health.reason}")

    first = arrived[0]
    assert first.key
    assert (first.parameters.codec, first.parameters.width_px, first.parameters.height_px) == (codec, 320, 240)
    steps = {later.pts - item.pts for item, later in pairwise(arrived[:8])}
    assert steps == {9000} if codec == "h264" else min(steps) >= 0
    assert camera.report(0.0).transport == transport
    if codec == "h264":
        assert first.payload.startswith(b"\0\0\0\1")
        assert [item[0] & 31 for item in first.parameters.sets] == [7, 8]


async def test_rtmp_is_pulled(footage: Path, pulled: Pulled) -> None:
    with reserved(1) as (port,):
        url = f"rtmp://127.0.0.1:{port}/live/scene"
        server = await asyncio.create_subprocess_exec(
            *("ffmpeg", "-v", "error", "-re", "-stream_loop", "-1", "-i", str(footage / "scene.mp4")),
            *("-c", "copy", "-f", "flv", "-listen", "1", url),
        )
        try:
            async with pulled(spec(url)) as (camera, arrived):
                await until(lambda: len(arrived) > 8, within_s=WITHIN_S, what=f"pictures, not {camera.health.reason}")
        finally:
            if server.returncode is None:  # it ends with its only viewer
                server.kill()
            await server.wait()

    assert (arrived[0].key, arrived[0].parameters.width_px) == (True, 320)


@asynccontextmanager
async def pulled_by(sources: Sources, wanted: CameraSpec) -> AsyncIterator[tuple[Camera, Subscription]]:
    feed = Feed()
    subscription = Subscription(feed, DecodeLevel.DEMUX, limit_units=99, limit_bytes=1 << 24)
    feed.attach(subscription, newest=False)
    camera = Camera(wanted, feed=feed, make_source=sources.make, pace=Pace(), changed=lambda: None)
    async with asyncio.TaskGroup() as group:
        running = group.create_task(camera.run())
        yield camera, subscription
        running.cancel()


async def test_a_file_is_played_in_a_loop_at_its_own_speed_and_time_goes_on(footage: Path) -> None:
    sources = Sources(footage=footage)
    async with pulled_by(sources, spec("file:scene.mp4")) as (camera, taken):
        await until(lambda: taken.waiting > 25, within_s=WITHIN_S, what=f"a second round, not {camera.health.reason}")
        arrived = taken.take_all()
    await sources.close()

    assert {later.pts - item.pts for item, later in pairwise(arrived)} == {9000}
    assert arrived[25].arrived_s - arrived[0].arrived_s > 2.0
    assert {item.session for item in arrived} == {1}


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("file:../a.mp4", "bad_address"),
        ("file:///%2e%2e/a.mp4", "bad_address"),
        ("file:none.mp4", "not_found"),
    ],
)
async def test_a_file_that_is_none_of_the_footage_is_refused(footage: Path, url: str, code: str) -> None:
    sources = Sources(footage=footage)
    async with pulled_by(sources, spec(url)) as (camera, _):
        await until(lambda: camera.health.state is CameraState.REFUSED, within_s=WITHIN_S, what="refused")
    await sources.close()

    assert camera.health.reason.split(":")[0] == code


async def test_a_nursery_that_was_killed_is_started_again(footage: Path) -> None:
    sources = Sources(footage=footage)
    async with pulled_by(sources, spec("file:scene.mp4")) as (_, taken):
        await until(lambda: taken.waiting > 3, within_s=WITHIN_S, what="pictures")
        process = sources._nursery._process
        assert process is not None
        process.kill()
        await process.wait()

        async with pulled_by(sources, spec("file:scene.flv")) as (camera, others):
            await until(lambda: others.waiting > 3, within_s=WITHIN_S, what=f"pictures, not {camera.health.reason}")
    await sources.close()


@pytest.mark.parametrize(
    ("path", "state", "code"),
    [
        ("guarded", "refused", "wrong_password"),
        ("nothing", "refused", "not_found"),
        ("files/scene.webm", "refused", "unsupported_codec"),
        ("live/flv?ends", "unreachable", "connection_lost"),
    ],
)
async def test_what_is_wrong_is_told_without_the_password(
    footage: Path, pulled: Pulled, path: str, state: str, code: str
) -> None:
    async with (
        web_camera(footage) as base,
        pulled(spec(f"{base}/{path}", username="eve", password="letmein")) as (camera, _),
    ):
        await until(
            lambda: (camera.health.state.value, camera.health.reason.split(":")[0]) == (state, code),
            within_s=WITHIN_S,
            what=f"{state}, {code}; not {camera.health.reason}",
        )

    assert "letmein" not in camera.health.reason


async def test_credentials_are_given_to_who_asks(footage: Path, pulled: Pulled) -> None:
    async with (
        web_camera(footage) as base,
        pulled(spec(f"{base}/guarded", username=USER, password=PASSWORD)) as (_, arrived),
    ):
        await until(lambda: len(arrived) > 3, within_s=WITHIN_S, what="pictures")


async def test_a_camera_that_hangs_or_goes_silent_is_stalled_and_hurts_no_other(footage: Path, pulled: Pulled) -> None:
    async with (
        web_camera(footage) as base,
        pulled(spec(f"{base}/silent")) as (hanging, _),
        pulled(spec(f"{base}/live/flv")) as (silent, arrived),
    ):
        await until(lambda: len(arrived) > 8, within_s=WITHIN_S, what="pictures of the second one")
        await until(lambda: hanging.health.state is CameraState.STALLED, within_s=WITHIN_S, what="a first stall")
        await until(lambda: silent.health.state is CameraState.STALLED, within_s=WITHIN_S, what="a second stall")
        reason = hanging.health.reason

    assert reason.startswith("no_answer: ")


@pytest.mark.parametrize(
    "content", [b"", b"\xff\xd8", b"\xff\xd8\xff\xe0\xff\xff" * 9, b"no picture", b"\xff\xd8" + b"\xff\xd0" * 200]
)
def test_what_is_no_jpeg_has_no_size(content: bytes) -> None:
    assert jpeg_size(content) == (0, 0)
