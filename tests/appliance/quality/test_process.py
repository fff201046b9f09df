"""Diagnosis in a running box: real agent, real vision process, cameras played by the test."""

from collections.abc import AsyncIterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from appliance.streams import trial
from appliance.streams.sources import Sources
from federation.messages import CameraReport, CameraState
from federation.testing.waiting import until
from hil_tests.rig.cameras import virtual_cameras
from hil_tests.rig.footage.disturbing import black
from hil_tests.rig.footage.writer import Encoding, write_video
from hil_tests.rig.rtsp.clip import read_clip
from tests.appliance.capture.conftest import Box, running_box
from tests.appliance.panel.test_api import CAMERA, POINT, config_in
from tests.appliance.quality.conftest import Street


@pytest.fixture
async def box(tmp_path: Path) -> AsyncIterator[Box]:
    async with running_box(config_in(tmp_path)) as running:
        yield running


async def test_a_camera_that_nobody_looks_at_is_inspected_and_its_report_says_so(box: Box) -> None:
    always = {name: value for name, value in CAMERA.items() if name != "id"} | {"pull": "always"}
    (await box.panel.put(f"/api/v1/cameras/{POINT}", json=always)).raise_for_status()
    await box.says(CameraReport(point_id=POINT, state=CameraState.LIVE))
    await box.watched()
    box.send()

    async def checked() -> Any:
        return (await box.panel.get("/api/v1/cameras")).json()["items"][0]["report"]["picture"]

    found = await until(checked, within_s=90, what="a picture that was looked at")
    await box.says(CameraReport(point_id=POINT, state=CameraState.STALLED))

    assert found["faults"] == []
    assert await checked() is None  # nothing is known of the picture of a camera that sends none


async def test_a_try_says_what_is_wrong_with_the_first_picture(box: Box, street: Street, tmp_path: Path) -> None:
    encoding = Encoding(width_px=320, height_px=240, fps=Fraction(5), gop_s=0.4)
    write_video(tmp_path / "black.mp4", [black(street(0)[:240, :320])] * 10, encoding)
    sources = Sources()
    async with (
        virtual_cameras({"dark": read_clip(tmp_path / "black.mp4")}) as cameras,
        trial.serving(sources, box.config.run_folder),
    ):
        account = {"username": cameras.credentials.username, "password": cameras.credentials.password}
        tried = (await box.panel.post("/api/v1/cameras/try", json={"url": cameras.url("dark"), **account})).json()
    await sources.close()

    assert (tried["code"], tried["faults"]) == ("", ["black"])
    assert tried["picture"]
