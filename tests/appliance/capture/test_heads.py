"""Snapshots of a camera that turns: a simulated one over real HTTP, commanded by a running agent."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import cv2
import httpx
import numpy as np
import pytest

from appliance.local.sockets import DOOR_SOCKET
from federation.testing.waiting import until
from hil_tests.rig.onvif import SimulatedCamera, View, served
from tests.appliance.capture.conftest import Box, running_box
from tests.appliance.capture.test_api import PATIENT, decoded
from tests.appliance.panel.test_api import config_in

DOME = "local-dome"
HOME = View(pan=-0.1)
PRESETS = {"1": ("大门", View(pan=0.2)), "2": ("车道", View(pan=0.4, zoom=0.5))}


def picture_of(view: View) -> bytes:
    """Return a grey picture whose shade is where the camera looks: 100 in the middle, 200 at the right end."""
    shade = np.full((48, 64, 3), round(100 + 100 * view.pan), np.uint8)
    return bytes(cv2.imencode(".jpg", shade)[1])


def looks(dome: SimulatedCamera, view: View) -> bool:
    """Tell whether a camera rests at a view."""
    return not dome.moving and dome.view().distance(view) < 0.001


@dataclass(kw_only=True)
class Site:
    """A box and a dome camera, whose pictures are asked for by ONVIF unless `still` says stream."""

    box: Box
    dome: SimulatedCamera

    async def shade(self, row: dict[str, Any]) -> int:
        """Return where the camera looked in a picture, as its shade."""
        content = (await self.box.panel.get(row["picture_url"])).content
        return round(float(np.mean(decoded(content))))

    async def take(self, **draft: Any) -> httpx.Response:
        return await self.box.panel.post("/api/v1/snapshots", json={"point_id": DOME, **PATIENT, **draft})

    async def is_home(self) -> None:
        await until(lambda: looks(self.dome, HOME), within_s=90, what="a camera at home")

    async def turn(self, **order: Any) -> httpx.Response:
        """Turn the camera by hand."""
        return await self.box.panel.post(f"/api/v1/cameras/{DOME}/turn", json={"order": order})

    @property
    def turns(self) -> list[str]:
        """What moved the camera, in order."""
        return [name for name in self.dome.requests if name in {"GotoPreset", "AbsoluteMove", "RelativeMove"}]


@asynccontextmanager
async def site_in(folder: Path, dome: SimulatedCamera, *, still: str = "onvif") -> AsyncIterator[Site]:
    async with served(dome) as on_air, running_box(config_in(folder)) as box:
        camera = {"id": "dome", "name": "球机", "url": "rtsp://127.0.0.1:1/", "onvif_url": on_air.url, "still": still}
        camera["pull"] = "asked"
        await box.panel.post("/api/v1/cameras", json=camera)
        yield Site(box=box, dome=dome)


def a_dome() -> SimulatedCamera:
    dome = SimulatedCamera(name="dome", serial="sim-1", stream_url="rtsp://127.0.0.1:1/", picture=picture_of)
    dome.presets = dict(PRESETS)
    dome.turn_to(HOME)
    return dome


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    async with site_in(tmp_path, a_dome()) as running:
        await running.is_home()
        yield running


async def test_presets_positions_and_ways_are_taken_when_the_camera_rests_and_it_goes_home(site: Site) -> None:
    listed = await site.box.panel.get(f"/api/v1/cameras/{DOME}/presets")
    preset = await site.take(aim={"kind": "preset", "preset": "1"})
    position = await site.take(aim={"kind": "position", "pan": 0.6})
    way = await site.take(aim={"kind": "way", "pan": 0.4})
    shades = [await site.shade(answer.json()) for answer in (preset, position, way)]

    assert listed.json()["items"] == [{"preset": "1", "name": "大门"}, {"preset": "2", "name": "车道"}]
    assert [abs(shade - wanted) <= 2 for shade, wanted in zip(shades, (120, 160, 130), strict=True)] == [True] * 3
    assert preset.json()["aim"] == {"kind": "preset", "preset": "1"}
    await site.is_home()


async def test_a_picture_as_it_looks_waits_until_the_camera_is_back_home(site: Site) -> None:
    await site.take(aim={"kind": "preset", "preset": "2"})

    row = (await site.take()).json()

    assert abs(await site.shade(row) - 90) <= 2


async def test_orders_for_one_camera_are_taken_one_after_the_other(site: Site) -> None:
    aims = [{"kind": "preset", "preset": each} for each in ("2", "1", "2")]
    region = {"x": 0, "y": 0, "width": 0.5, "height": 0.5}
    orders: list[dict[str, Any]] = [{"point_id": DOME, "aim": aim, **PATIENT} for aim in aims]
    orders[2]["region"] = region
    asked = (await site.box.panel.post("/api/v1/snapshots/queue", json={"orders": orders})).json()["items"]

    rows = [await site.box.settled(row["id"]) for row in asked]
    shades = [await site.shade(row) for row in rows]

    assert [abs(shade - wanted) <= 2 for shade, wanted in zip(shades, (140, 120, 140), strict=True)] == [True] * 3
    assert (rows[2]["width_px"], rows[2]["height_px"]) == (32, 24)
    assert site.turns == ["GotoPreset"] * 3
    await site.is_home()
    assert site.turns == ["GotoPreset"] * 3 + ["AbsoluteMove"]


async def test_a_cruise_takes_its_stops_in_order(site: Site) -> None:
    stops = [{"aim": {"kind": "preset", "preset": each}, "dwell_s": 0.2} for each in ("1", "2")]
    body = {"name": "巡航", "every_s": 10, "rounds": [{"point_id": DOME, "stops": stops}]}
    await site.box.panel.post("/api/v1/snapshots/plans", json=body)

    async def both() -> bool:
        return len((await site.box.panel.get("/api/v1/snapshots", params={"state": "done"})).json()["items"]) >= 2

    await until(both, within_s=90, what="both stops")
    rows = (await site.box.panel.get("/api/v1/snapshots", params={"state": "done"})).json()["items"][::-1]

    assert [row["aim"]["preset"] for row in rows[:2]] == ["1", "2"]
    assert [round(await site.shade(row), -1) for row in rows[:2]] == [120, 140]


async def test_what_the_camera_refuses_and_what_cannot_be_turned_is_told(site: Site) -> None:
    plain = {"id": "fixed", "name": "枪机", "url": "rtsp://127.0.0.1:1/"}
    await site.box.panel.post("/api/v1/cameras", json=plain)
    fixed = {"point_id": "local-fixed", "aim": {"kind": "preset", "preset": "1"}}

    unknown = await site.take(aim={"kind": "preset", "preset": "99"})
    cannot = await site.box.panel.post("/api/v1/snapshots", json=fixed)
    presets = await site.box.panel.get("/api/v1/cameras/local-fixed/presets")

    assert (unknown.status_code, unknown.json()["code"]) == (422, "unknown_preset")
    assert (cannot.status_code, cannot.json()["code"]) == (503, "cannot_turn")
    assert (presets.status_code, presets.json()["code"]) == (409, "cannot_turn")
    await site.is_home()


async def test_the_hub_may_have_a_picture_taken_and_get_it_and_sees_no_others(site: Site) -> None:
    door = httpx.AsyncHTTPTransport(uds=str(site.box.config.run_folder / DOOR_SOCKET))
    async with httpx.AsyncClient(transport=door, base_url="http://door", timeout=120) as hub:
        draft = {"point_id": DOME, "aim": {"kind": "preset", "preset": "1"}, **PATIENT}
        taken = await hub.post("/api/v1/snapshots", json=draft)
        picture = await hub.get(taken.json()["picture_url"])
        others = [await hub.get(path) for path in ("/api/v1/snapshots", "/api/v1/snapshots/plans")]

    assert (taken.status_code, taken.json()["state"], picture.status_code) == (201, "done", 200)
    assert round(float(np.mean(decoded(picture.content))), -1) == 120
    assert [answer.is_success for answer in others] == [False, False]
    await site.is_home()


async def test_a_camera_that_a_person_moves_while_it_is_away_stays_where_it_was_moved(site: Site) -> None:
    await site.take(aim={"kind": "preset", "preset": "2"})

    moved = await site.turn(kind="preset", preset="1")
    await until(lambda: looks(site.dome, PRESETS["1"][1]), within_s=60, what="it is there")
    row = (await site.take()).json()

    assert moved.status_code == 204
    assert abs(await site.shade(row) - 120) <= 2  # home would be 90


async def test_a_camera_that_is_being_turned_for_a_snapshot_is_not_to_be_moved_by_hand(site: Site) -> None:
    stopped_s = time.monotonic()
    site.dome.clock_s = lambda: stopped_s  # it moves, and does not arrive
    order = {"point_id": DOME, "aim": {"kind": "preset", "preset": "2"}, **PATIENT}
    asked = (await site.box.panel.post("/api/v1/snapshots/queue", json={"orders": [order]})).json()["items"]
    await until(lambda: site.dome.moving, within_s=60, what="it turns")

    refused = await site.turn(kind="preset", preset="1")
    site.dome.clock_s = time.monotonic
    row = await site.box.settled(asked[0]["id"])

    assert (refused.status_code, refused.json()["code"]) == (409, "in_use")
    assert abs(await site.shade(row) - 140) <= 2  # where the snapshot wanted it
    await site.is_home()


async def test_no_key_frame_from_before_the_camera_came_to_rest_is_taken(tmp_path: Path) -> None:
    async with site_in(tmp_path, a_dome(), still="stream") as site, asyncio.TaskGroup() as group:
        asked = group.create_task(site.take(aim={"kind": "preset", "preset": "1"}, fresh_s=60, within_s=60))
        unit = site.box.send(point_id=DOME)
        rested_at = datetime.max.replace(tzinfo=UTC)
        while not asked.done():
            if unit.arrived_at < rested_at and looks(site.dome, PRESETS["1"][1]):
                rested_at = datetime.now(UTC)
            unit = site.box.send(point_id=DOME)
            await asyncio.sleep(0.05)

    answer = asked.result()
    assert answer.status_code == 201, answer.text
    assert datetime.fromisoformat(answer.json()["taken_at"]) >= rested_at - timedelta(seconds=0.1)


async def test_a_camera_that_a_restart_left_turned_away_goes_home(tmp_path: Path) -> None:
    dome = a_dome()
    async with site_in(tmp_path, dome) as site:
        await site.is_home()
        await site.take(aim={"kind": "preset", "preset": "2"})
    assert looks(dome, PRESETS["2"][1])

    async with served(dome) as on_air, running_box(config_in(tmp_path)) as box:
        change = {"name": "球机", "url": "rtsp://127.0.0.1:1/", "onvif_url": on_air.url, "still": "onvif"}
        await box.panel.put(f"/api/v1/cameras/{DOME}", json=change)
        await until(lambda: looks(dome, HOME), within_s=60, what="a camera at home")
