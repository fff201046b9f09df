"""The streams process pulls and records a camera, and is killed while it writes."""

import asyncio
import signal
import sqlite3
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path

import pytest
from aiohttp import web

from appliance.local import Plan, StreamsReport
from appliance.local.sockets import AGENT_SOCKET
from appliance.mp4.reading import fragments, init_bytes
from appliance.playback.catalogue import Catalogue
from appliance.store.moments import to_us
from federation.messages import Calendar, CameraSpec, RecordingSpec, RecordingState
from federation.testing.waiting import until
from hil_tests.rig.cameras import VirtualCameras, virtual_cameras
from hil_tests.rig.footage.pattern import write_pattern
from hil_tests.rig.footage.writer import Encoding
from hil_tests.rig.onvif import OwnRecord, SimulatedCamera, served
from hil_tests.rig.rtsp.clip import read_clip
from tests.appliance.footage import decoded, probed
from tests.appliance.recording.conftest import ALWAYS

pytestmark = pytest.mark.system

SECOND_US = 1_000_000
OUTAGE_S = 5.0


class PlayedAgent:
    """An agent with one plan, which hears how the cameras are."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self.heard: StreamsReport | None = None

    @property
    def state(self) -> RecordingState | None:
        """How the recording of the only camera goes."""
        if self.heard is None or not self.heard.cameras or self.heard.cameras[0].recording is None:
            return None
        return self.heard.cameras[0].recording.state

    @asynccontextmanager
    async def serving(self, run_folder: Path) -> AsyncIterator[None]:
        app = web.Application()
        app.router.add_get("/plan", self._give_plan)
        app.router.add_post("/report/streams", self._hear)
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        await runner.setup()
        await web.UnixSite(runner, str(run_folder / AGENT_SOCKET)).start()
        try:
            yield
        finally:
            await runner.cleanup()

    async def _give_plan(self, request: web.Request) -> web.Response:
        if int(request.query["after"]) < self._plan.version:
            return web.Response(body=self._plan.to_bytes(), content_type="application/json")
        await asyncio.sleep(20)
        return web.Response(status=204)

    async def _hear(self, request: web.Request) -> web.Response:
        self.heard = StreamsReport.model_validate_json(await request.read())
        return web.Response(status=204)


@pytest.fixture(scope="module")
def footage(tmp_path_factory: pytest.TempPathFactory) -> Path:
    encoding = Encoding(width_px=320, height_px=192, fps=Fraction(10), gop_s=0.5)
    return write_pattern(tmp_path_factory.mktemp("clip") / "pattern.mp4", encoding, seconds=4)


@asynccontextmanager
async def camera(footage: Path) -> AsyncIterator[VirtualCameras]:
    clip = await asyncio.to_thread(read_clip, footage)
    async with virtual_cameras({"cam1": clip}) as cameras:
        yield cameras


async def started(run_folder: Path) -> asyncio.subprocess.Process:
    command = [sys.executable, "-m", "appliance.streams", "--run-folder", str(run_folder)]
    return await asyncio.create_subprocess_exec(*command)


def segment_files(run_folder: Path) -> list[Path]:
    """Return all segment files."""
    return list(run_folder.glob("recordings/*/*/*.mp4"))


def whole_fragments(path: Path) -> int:
    """Count the fragments that are whole now."""
    with path.open("rb", buffering=0) as file:
        return len(list(fragments(file, len(init_bytes(file)), path.stat().st_size)))


def segments(run_folder: Path) -> list[tuple[str, int]]:
    """Return path and openness of all segments in the index."""
    with closing(sqlite3.connect(f"file:{run_folder / 'recordings.db'}?mode=ro", uri=True)) as db:
        return db.execute("SELECT path, open FROM segments ORDER BY id").fetchall()


async def test_a_killed_recorder_loses_only_what_it_had_not_written(footage: Path, tmp_path: Path) -> None:
    async with camera(footage) as cameras:
        account = cameras.credentials
        spec = CameraSpec(
            point_id="p1",
            name="p1",
            url=cameras.url("cam1"),
            username=account.username,
            password=account.password,
            recording=ALWAYS,
        )
        agent = PlayedAgent(Plan(version=1, cameras=(spec,)))
        async with agent.serving(tmp_path):
            process = await started(tmp_path)
            try:
                await until(lambda: segment_files(tmp_path), within_s=90, what="a segment")
                [path] = segment_files(tmp_path)
                await until(lambda: whole_fragments(path) >= 4, within_s=90, what="four fragments")
                await until(lambda: agent.state is RecordingState.RECORDING, within_s=60, what="it says so")
            finally:
                process.send_signal(signal.SIGKILL)
                await process.wait()
            kept = whole_fragments(path)
            assert segments(tmp_path) == [(str(path.relative_to(tmp_path / "recordings")), 1)]

            process = await started(tmp_path)
            try:
                await until(lambda: len(segments(tmp_path)) == 2, within_s=90, what="the next segment")
            finally:
                process.terminate()
                await asyncio.wait_for(process.wait(), 60)

    assert [is_open for _, is_open in segments(tmp_path)] == [0, 0]
    assert whole_fragments(path) == kept
    assert len(decoded(path)) == kept * 5
    assert probed(path).complaints == ""


async def test_what_an_outage_of_the_network_left_out_comes_from_the_cameras_card(
    footage: Path, tmp_path: Path
) -> None:
    async with camera(footage) as cameras:
        account = cameras.credentials
        own = OwnRecord(token="card", url=cameras.record_url("cam1"), first=datetime.now(UTC))
        simulated = SimulatedCamera(
            name="east",
            serial="s1",
            stream_url=cameras.url("cam1"),
            picture=lambda _view: b"",
            username=account.username,
            password=account.password,
            records=(own,),
        )
        async with served(simulated) as on_air:
            spec = CameraSpec(
                point_id="p1",
                name="p1",
                url=cameras.url("cam1"),
                username=account.username,
                password=account.password,
                recording=RecordingSpec(calendar=Calendar(), backfill=True),
                onvif_url=on_air.url,
            )
            async with PlayedAgent(Plan(version=1, cameras=(spec,))).serving(tmp_path):
                process = await started(tmp_path)
                try:
                    await until(lambda: segment_files(tmp_path), within_s=90, what="a segment")
                    cameras.behave("cam1", state="stopped")
                    await asyncio.sleep(OUTAGE_S)
                    cameras.behave("cam1", state="live")
                    await until(lambda: kinds(tmp_path)[-1:] == ["backfill"], within_s=60, what="the missing part")
                finally:
                    process.terminate()
                    await asyncio.wait_for(process.wait(), 60)

    catalogue = Catalogue(index_file=tmp_path / "recordings.db", folder=tmp_path / "recordings")
    found = await asyncio.to_thread(catalogue.timeline, "p1", 0, to_us(datetime.now(UTC)))
    assert [stretch.kind for stretch in found.recorded] == ["planned", "backfill", "planned"]
    before, between, after = found.recorded
    assert abs(between.start_us - before.end_us) < SECOND_US
    assert abs(after.start_us - between.end_us) < SECOND_US
    assert found.gaps == ()


def kinds(run_folder: Path) -> list[str]:
    """Return the kinds of all finished segments in the order in which they were begun."""
    with closing(sqlite3.connect(f"file:{run_folder / 'recordings.db'}?mode=ro", uri=True)) as db:
        return [row[0] for row in db.execute("SELECT kind FROM segments WHERE NOT open ORDER BY id")]
