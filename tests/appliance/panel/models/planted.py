"""A box whose engine holds one planted model: real agent, real engine, a camera that has sent one picture."""

import asyncio
import shutil
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from pathlib import Path
from typing import Any

import cv2
import httpx
import numpy as np

from appliance.analysis.engine.packages import Ready
from appliance.analysis.pictures import Pictures
from appliance.analysis.snapshots import Snapshots, serving
from appliance.analysis.views import Drawings, Place
from appliance.artifacts.holdings import Holdings
from appliance.config import CaptureConfig, Config, ResultsQueueConfig
from appliance.local import EngineReport, VisionReport
from appliance.local.agent_client import agent_client
from appliance.local.frames import AccessUnit
from appliance.local.messages import FrameHeader
from appliance.store import documents
from appliance.store.database import Database
from appliance.streams.feeds import Feeds
from federation.messages import DesiredWork, LicenceTerm, Line, PackageRef, Scene, Shard
from federation.packages import Package, write_manifest, write_package
from federation.testing.waiting import until
from hil_tests.rig.footage.writer import Encoding, write_video
from tests.appliance.analysis.engine.conftest import one_box, running
from tests.appliance.analysis.test_detector import manifest
from tests.appliance.coded import coded
from tests.appliance.panel.test_api import POINT, agent, config_in, signed_in

NAME = {"algorithm_id": "test.planted", "version": "1.0.0"}
WIDE = np.full((360, 720, 3), 128, np.uint8)
JPEG = cv2.imencode(".jpg", WIDE)[1].tobytes()
DRAWN = Scene(
    regions=(((0.05, 0.2), (0.6, 0.15), (0.65, 0.95), (0.05, 0.95)),),
    masks=(((0.7, 0.05), (0.95, 0.05), (0.95, 0.4)),),
    lines=(Line(points=((0.7, 0.9), (0.95, 0.6))),),
)
"""What was drawn for the camera: the thing that the model sees stands in the region."""

CAMERA = {"id": "gate", "name": "东门", "url": "rtsp://127.0.0.1:1/live", "username": "u", "password": "camera-secret"}


@dataclass(frozen=True, kw_only=True)
class PlantedBox:
    """The running box, and its panel with somebody signed in."""

    config: Config
    url: str
    panel: httpx.AsyncClient

    async def add_camera(self) -> None:
        """Add the camera that has sent a picture."""
        made = await self.panel.post("/api/v1/cameras", json=CAMERA)
        assert made.status_code == 201, made.text

    async def look(self, content: bytes, **query: str) -> httpx.Response:
        """Show a picture to the model."""
        headers = {"Content-Type": "image/jpeg"}
        return await self.panel.post(
            "/api/v1/pictures/look", params={**NAME, **query}, content=content, headers=headers
        )

    async def ordered(self, **order: Any) -> str:
        """Order a picture task; return its path."""
        made = await self.panel.post("/api/v1/picture-jobs", json={**NAME, **order})
        assert made.status_code == 201, made.text
        return f"/api/v1/picture-jobs/{made.json()['id']}"

    async def results(self, **order: Any) -> tuple[dict[str, Any], list[dict[str, Any]]]:
        """Order a picture task, and return it when it has ended, with its results."""
        path = await self.ordered(**order)
        return await self.ended(path), (await self.panel.get(f"{path}/results")).json()["items"]

    async def ended(self, path: str) -> dict[str, Any]:
        """Return a picture task when it has ended."""

        async def end() -> dict[str, Any] | None:
            told: dict[str, Any] = (await self.panel.get(path)).json()
            return told if told["state"] not in {"waiting", "running"} else None

        job = await until(end, within_s=60, what="the end of a picture task")
        assert isinstance(job, dict)
        return job


@asynccontextmanager
async def planted_box(folder: Path, queue: ResultsQueueConfig | None = None) -> AsyncIterator[PlantedBox]:
    """Run the box below `folder`."""
    near = {"results_queue": queue or ResultsQueueConfig(), "capture": CaptureConfig(deliver_to_this_box=True)}
    config = config_in(folder).model_copy(update=near)
    await asyncio.to_thread(config.run_folder.mkdir, parents=True)
    await asyncio.to_thread(_footage, config.footage_folder)
    parts = {
        "algorithm.yaml": write_manifest(manifest({"decoder": "rows", "tensor": "o"})).encode(),
        "models/m.onnx": one_box(label=0),
    }
    package = await asyncio.to_thread(write_package, parts, folder / "planted.algpkg")
    await _wanted_by_a_hub(config, package)
    async with running() as engine:
        held = await engine.holds({("test.planted", "1.0.0"): folder / "planted.algpkg"})
        assert all(isinstance(state, Ready) for state in held.values())
        async with (
            serving(_snapshots(), Pictures(engine.engine, _place_of), config.run_folder),
            agent(config) as url,
            signed_in(config, url) as panel,
            agent_client(config.run_folder) as vision,
        ):
            await vision.report(VisionReport(pid=1, tasks=(), engine=_with_refused(engine.engine.report())))
            yield PlantedBox(config=config, url=url, panel=panel)


def send(feeds: Feeds) -> None:
    """Let a key frame of the camera arrive now."""
    unit = next(unit for unit in coded(seconds=1.0) if unit.key)
    unit = replace(unit, point_id=POINT, arrived_s=time.monotonic(), arrived_at=datetime.now(UTC))
    feeds.of(POINT).send(unit)


def _with_refused(report: EngineReport) -> EngineReport:
    """Return what an engine reports that besides could not load three packages: two may still come, one never."""
    unusable = {
        "test.large 1.0.0": "memory_short: the model declares 4096 MB, 900 MB are free",
        "test.slow 1.0.0": "model_crashed: no answer within 180 s",
        "test.broken 1.0.0": "package_unusable: the model has outputs ['other', 'scores'], and no ['o']",
    }
    return report.model_copy(
        update={"unusable": unusable, "next_tries_s": {"test.large 1.0.0": 90.0, "test.slow 1.0.0": 60.0}}
    )


def _place_of(point_id: str) -> Place:
    return Place(drawings=Drawings(of_point=(DRAWN,) if point_id == POINT else ()))


async def _wanted_by_a_hub(config: Config, package: Package) -> None:
    """Let the box start as one whose hub has sent it the package, and word of a licence that ends in nine days."""
    now, manifest = datetime.now(UTC), package.manifest
    term = LicenceTerm(number="V-1", begins=now - timedelta(days=300), ends=now + timedelta(days=9))
    ref = PackageRef(
        algorithm_id=manifest.id,
        version=manifest.version,
        digest=package.digest,
        size_bytes=package.size_bytes,
        licences=(term,),
    )
    work = DesiredWork(node_id="box", hub_epoch=1, version=1, issued_at=now, packages=(ref,))
    place = Holdings(root=config.artifacts_folder).place(package.digest)
    await asyncio.to_thread(place.parent.mkdir, parents=True)
    await asyncio.to_thread(shutil.copy, package.path, place)
    async with Database(config.database_file) as database:
        await database.run(lambda db: documents.put(db, documents.DESIRED[Shard.WORK], work))


def _snapshots() -> Snapshots:
    """Return the newest picture of a camera: always the same."""
    snapshots = Snapshots(
        render=lambda *_: JPEG, portray=lambda *_: JPEG, look=lambda *_: _never(), known=lambda _: True
    )
    header = FrameHeader(
        point_id="local-gate", codec="h264", key=True, sequence=1, rtp_time=0, session=1, received_at=datetime.now(UTC)
    )
    snapshots.offer(AccessUnit(header=header, payload=b""))
    return snapshots


def _never() -> Any:
    raise AssertionError


def _footage(folder: Path) -> None:
    (folder / "yard").mkdir(parents=True)
    for name in ("b.jpg", "a.jpg"):
        (folder / "yard" / name).write_bytes(JPEG)
    (folder / "yard" / "broken.png").write_bytes(b"no picture")
    (folder / "yard" / "notes.txt").write_text("left alone")
    encoding = Encoding(width_px=320, height_px=240, fps=Fraction(10), gop_s=1)
    write_video(folder / "street.mp4", [np.full((240, 320, 3), 90, np.uint8)] * 30, encoding)
