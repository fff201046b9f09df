"""Pictures that people and programs hand to the models of a box: real agent, real engine, planted models."""

import asyncio
import base64
from collections.abc import AsyncIterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import cv2
import httpx
import numpy as np
import pytest
import pytest_asyncio
from aiohttp import web

from appliance.analysis.engine.engine import Ready
from appliance.analysis.pictures import Pictures
from appliance.analysis.snapshots import Snapshots, serving
from appliance.config import Config
from appliance.local import VisionReport
from appliance.local.agent_client import agent_client
from federation.packages import write_manifest, write_package
from federation.testing.waiting import until
from hil_tests.rig.footage.writer import Encoding, write_video
from tests.appliance.analysis.engine.conftest import one_box, running
from tests.appliance.analysis.test_detector import manifest
from tests.appliance.panel.test_api import agent, config_in, signed_in

NAME = {"algorithm_id": "test.planted", "version": "1.0.0"}
WIDE = np.full((16, 32, 3), 128, np.uint8)
JPEG = cv2.imencode(".jpg", WIDE)[1].tobytes()


@dataclass(frozen=True, kw_only=True)
class Box:
    """A box whose engine holds one planted model."""

    config: Config
    panel: httpx.AsyncClient

    async def look(self, content: bytes, **query: str) -> httpx.Response:
        headers = {"Content-Type": "image/jpeg"}
        return await self.panel.post(
            "/api/v1/pictures/look", params={**NAME, **query}, content=content, headers=headers
        )

    async def results(self, **order: Any) -> tuple[dict[str, Any], list[dict[str, Any]]]:
        """Order a picture task, and return it when it has ended, with its results."""
        made = await self.panel.post("/api/v1/picture-jobs", json={**NAME, **order})
        assert made.status_code == 201, made.text
        path = f"/api/v1/picture-jobs/{made.json()['id']}"

        async def ended() -> dict[str, Any] | None:
            told: dict[str, Any] = (await self.panel.get(path)).json()
            return told if told["state"] not in {"waiting", "running"} else None

        job = await until(ended, within_s=60, what="the end of a picture task")
        assert isinstance(job, dict)
        return job, (await self.panel.get(f"{path}/results")).json()["items"]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def box(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Box]:
    folder = tmp_path_factory.mktemp("box")
    config = config_in(folder)
    await asyncio.to_thread(config.run_folder.mkdir, parents=True)
    await asyncio.to_thread(_footage, config.footage_folder)
    parts = {
        "algorithm.yaml": write_manifest(manifest({"decoder": "rows", "tensor": "o"})).encode(),
        "models/m.onnx": one_box(label=0),
    }
    await asyncio.to_thread(write_package, parts, folder / "planted.algpkg")
    async with running() as engine:
        held = await engine.holds({("test.planted", "1.0.0"): folder / "planted.algpkg"})
        assert all(isinstance(state, Ready) for state in held.values())
        snapshots = Snapshots(
            render=lambda *_: b"", portray=lambda *_: b"", look=lambda *_: _never(), known=lambda _: False
        )
        async with (
            serving(snapshots, Pictures(engine.engine), config.run_folder),
            agent(config) as url,
            signed_in(config, url) as panel,
            agent_client(config.run_folder) as vision,
        ):
            await vision.report(VisionReport(pid=1, tasks=(), engine=engine.engine.report()))
            yield Box(config=config, panel=panel)


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


pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_the_page_of_models_is_told_what_is_loaded_and_what_it_costs(box: Box) -> None:
    told = (await box.panel.get("/api/v1/models")).json()

    assert [model["packages"] for model in told["models"]] == [["test.planted 1.0.0"]]
    assert told["devices"] == ["cpu"]
    assert told["models"][0]["declared_mb"] == 1024


async def test_a_picture_is_shown_with_what_the_model_sees_and_what_its_rule_says(box: Box) -> None:
    told = (await box.look(JPEG)).json()

    assert (told["width_px"], told["height_px"]) == (32, 16)
    assert [(item["label"], round(item["box"]["x"], 2)) for item in told["detections"]] == [("bin", 0.25)]
    assert [(event["code"], event["after_s"]) for event in told["events"]] == [("test.planted/x", 0)]


async def test_what_is_no_picture_and_what_no_model_can_see_is_refused_with_a_reason(box: Box) -> None:
    broken, unknown = await box.look(b"no picture"), await box.look(JPEG, version="9.0.0")
    large = await box.look(b"x" * ((16 << 20) + 1))

    assert (broken.status_code, broken.json()["code"]) == (422, "unreadable_picture")
    assert (unknown.status_code, unknown.json()["code"]) == (404, "not_found")
    assert large.status_code == 413


async def test_pictures_of_a_folder_are_looked_at_by_name_and_a_broken_one_stops_nothing(box: Box) -> None:
    job, rows = await box.results(folder="yard")

    assert (job["state"], job["pictures"], job["faults"]) == ("done", 3, 1)
    assert [(row["number"], row["name"], len(row["verdict"]["detections"])) for row in rows] == [
        (1, "a.jpg", 1),
        (2, "b.jpg", 1),
        (3, "broken.png", 0),
    ]


async def test_a_film_is_looked_at_as_often_as_asked_for(box: Box) -> None:
    job, rows = await box.results(film="street.mp4", every_s=1)

    assert job["state"] == "done"
    assert [row["verdict"]["at_s"] for row in rows] == [0.0, 1.0, 2.0]


async def test_a_batch_in_the_request_is_handed_to_a_receiver_when_it_is_done(box: Box) -> None:
    got: list[dict[str, Any]] = []

    async def take(request: web.Request) -> web.Response:
        got.append(await request.json())
        return web.Response(status=503 if len(got) == 1 else 204)  # the first try fails

    receiver = web.Application()
    receiver.router.add_post("/results", take)
    runner = web.AppRunner(receiver)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    picture = {"name": "one", "content": base64.b64encode(JPEG).decode()}
    try:
        url = f"http://127.0.0.1:{runner.addresses[0][1]}/results"
        await box.results(pictures=[picture, {"name": "bad", "content": "*"}], callback_url=url)
        await until(lambda: len(got) == 2, within_s=30, what="a second try")
    finally:
        await runner.cleanup()

    assert [item["name"] for item in got[1]["items"]] == ["one", "bad"]
    assert [bool(item["verdict"]["fault"]) for item in got[1]["items"]] == [False, True]


@pytest.mark.parametrize("folder", ["../secrets", "/etc", "yard/a.jpg", "nowhere"])
async def test_a_folder_outside_of_the_footage_is_not_looked_into(box: Box, folder: str) -> None:
    job, rows = await box.results(folder=folder)

    assert (job["state"], rows) == ("failed", [])
    assert "folder of footage" in job["reason"]


async def test_an_order_with_no_source_or_two_is_refused(box: Box) -> None:
    none = await box.panel.post("/api/v1/picture-jobs", json=NAME)
    two = await box.panel.post("/api/v1/picture-jobs", json={**NAME, "folder": "yard", "film": "street.mp4"})

    assert [answer.status_code for answer in (none, two)] == [422, 422]
