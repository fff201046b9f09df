"""Real street video through the real path - RTSP, streams, decoding, detector - against YOLOX run directly."""

import asyncio
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import av
import cv2
import numpy as np
import onnxruntime as ort
import pytest
from aiohttp import web
from numpy.typing import NDArray

from appliance.analysis.decoding import DecoderPool
from appliance.analysis.detector import Detector
from appliance.local import DecodeLevel, Plan
from appliance.local.frames import AccessUnit, FrameSource
from appliance.local.sockets import AGENT_SOCKET, STREAMS_SOCKET
from appliance.packaging.__main__ import main as package_command
from federation.messages import CameraSpec
from federation.packages import open_package
from federation.testing.waiting import until
from hil_tests.rig.cameras import virtual_cameras
from hil_tests.rig.footage.conversion import convert
from hil_tests.rig.rtsp.clip import read_clip

DATA = Path(__file__).parents[2].parent / "shared" / "data"
KEY_FRAMES = 15
LEAST_AGREEMENT = 0.95
CONF, IOU, PERSON = 0.35, 0.45, 0

pytestmark = [
    pytest.mark.footage,
    pytest.mark.system,
    pytest.mark.skipif(not DATA.is_dir(), reason="the folder of real footage ../shared/data is absent"),
]

Picture = NDArray[np.uint8]


@pytest.fixture(scope="module")
def street(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return convert(DATA / "footage" / "vtest.avi", tmp_path_factory.mktemp("footage"))


@pytest.fixture(scope="module")
def detector(tmp_path_factory: pytest.TempPathFactory) -> Detector:
    path = tmp_path_factory.mktemp("package") / "yolox.algpkg"
    model, samples = DATA / "models" / "yolox_nano.onnx", DATA / "footage" / "vtest.avi"
    assert package_command(["from-onnx", str(model), "--samples", str(samples), "-o", str(path)]) == 0
    package = open_package(path)
    return Detector(package.manifest, package.read(package.manifest.model_file or ""))


def key_frames(path: Path) -> Iterator[Picture]:
    """Decode the key frames of a file, without any part of the product."""
    with av.open(str(path)) as container:
        container.streams.video[0].codec_context.skip_frame = "NONKEY"
        for frame in container.decode(video=0):
            yield np.asarray(frame.to_ndarray(format="bgr24"), np.uint8)


def persons_directly(session: ort.InferenceSession, picture: Picture) -> int:
    """Count persons by YOLOX's own recipe, without any part of the product."""
    height, width = picture.shape[:2]
    ratio = min(416 / height, 416 / width)
    canvas = np.full((416, 416, 3), 114, np.uint8)
    small = cv2.resize(picture, (int(width * ratio), int(height * ratio)))
    canvas[: small.shape[0], : small.shape[1]] = small
    (out,) = session.run(None, {"images": canvas.transpose(2, 0, 1)[None].astype(np.float32)})
    boxes, scores, place = [], [], 0
    for stride in (8, 16, 32):
        for row in range(416 // stride):
            for column in range(416 // stride):
                x, y, w, h, thing, *kinds = out[0, place]
                place += 1
                score = float(thing * max(kinds))
                if score >= CONF and int(np.argmax(kinds)) == PERSON:
                    w, h = float(np.exp(w)) * stride, float(np.exp(h)) * stride
                    left, top = float(x + column) * stride - w / 2, float(y + row) * stride - h / 2
                    boxes.append([left, top, w, h])
                    scores.append(score)
    return len(cv2.dnn.NMSBoxes(boxes, scores, CONF, IOU))


@asynccontextmanager
async def agent_with(plan: Plan, run_folder: Path) -> AsyncIterator[None]:
    """Serve one plan on agent.sock, as the agent process does."""

    async def answer(request: web.Request) -> web.Response:
        if int(request.query["after"]) < plan.version:
            return web.Response(body=plan.to_bytes(), content_type="application/json")
        await asyncio.sleep(20)
        return web.Response(status=204)

    async def take(_request: web.Request) -> web.Response:
        return web.Response(status=204)

    app = web.Application()
    app.router.add_get("/plan", answer)
    app.router.add_post("/report/streams", take)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.UnixSite(runner, str(run_folder / AGENT_SOCKET)).start()
    try:
        yield
    finally:
        await runner.cleanup()


@asynccontextmanager
async def streams_process(run_folder: Path) -> AsyncIterator[None]:
    """Run the product's streams process; SIGTERM ends it."""
    command = [sys.executable, "-m", "appliance.streams", "--run-folder", str(run_folder)]
    process = await asyncio.create_subprocess_exec(*command)
    try:
        yield
    finally:
        process.terminate()
        async with asyncio.timeout(60):
            await process.wait()


async def _take(source: FrameSource, units: list[AccessUnit], count: int) -> None:
    """Return when `count` access units are there, giving credit for each."""
    for seen in range(count):
        await until(lambda: len(units) > seen, within_s=60, what="one more key frame")  # noqa: B023 - awaited within this turn
        source.done("p1")


async def received(path: Path, run_folder: Path, count: int) -> list[AccessUnit]:
    """Return key access units that went over RTSP and streams.sock."""
    units: list[AccessUnit] = []
    source = FrameSource(run_folder / STREAMS_SOCKET, units.append)
    clip = await asyncio.to_thread(read_clip, path)
    async with virtual_cameras({"cam1": clip}) as cameras:
        account = cameras.credentials
        spec = CameraSpec(
            point_id="p1", name="p1", url=cameras.url("cam1"), username=account.username, password=account.password
        )
        async with agent_with(Plan(version=1, cameras=(spec,)), run_folder), streams_process(run_folder):
            source.subscribe({"p1": DecodeLevel.KEYFRAME})
            async with asyncio.TaskGroup() as group:
                reading = group.create_task(source.run())
                await _take(source, units, count)
                reading.cancel()
    return units[:count]


async def test_persons_in_real_video_are_those_that_yolox_finds_by_itself(
    street: Path, detector: Detector, tmp_path: Path
) -> None:
    units = await received(street, tmp_path, KEY_FRAMES)
    decoder = DecoderPool()
    pictures = [decoder.key_frame(unit.header.codec, unit.payload) for unit in units]
    ours = [sum(item.label == "person" for item in detector.detect(picture)) for picture in pictures]

    session = ort.InferenceSession(DATA / "models" / "yolox_nano.onnx", providers=["CPUExecutionProvider"])
    directly = {picture.tobytes(): persons_directly(session, picture) for picture in key_frames(street)}
    expected = [directly[picture.tobytes()] for picture in pictures]

    agreement = sum(a == b for a, b in zip(ours, expected, strict=True)) / len(ours)
    print(f"persons per key frame: ours {ours}, directly {expected}, agreement {agreement:.0%}")
    assert min(expected) > 0
    assert agreement >= LEAST_AGREEMENT
