"""Where a camera looks, and what its tasks judge there: real agent, real vision process, a simulated camera."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from appliance.capture.heads import Heads
from appliance.capture.order import NotTaken
from appliance.capture.views import MOST_PLACES, NEAR, Spots, ViewBoard
from appliance.capture.watching import Watcher
from appliance.local import View
from appliance.local.agent_client import agent_client
from appliance.onvif import Position
from federation.messages import CameraSpec, PresetAim
from federation.testing.waiting import until
from hil_tests.rig.onvif import SimulatedCamera, served
from hil_tests.rig.onvif import View as Place
from tests.appliance.capture.test_heads import DOME, HOME, PRESETS, Site, a_dome, looks, site_in

INTRUSION = "fengsui.area_intrusion"
REGION = [[0.1, 0.1], [0.9, 0.1], [0.5, 0.9]]
EVERYWHERE = [[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]]


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    async with site_in(tmp_path, a_dome(), still="stream") as running:
        await running.is_home()
        yield running


async def draw(site: Site, preset: str | None, region: list[list[float]] = REGION) -> None:
    answer = await site.box.panel.put(f"/api/v1/cameras/{DOME}/scene", json={"preset": preset, "regions": [region]})
    answer.raise_for_status()


async def view_of(site: Site) -> tuple[bool, str | None]:
    told = (await site.box.panel.get(f"/api/v1/cameras/{DOME}/view")).json()
    return told["turning"], told["preset"]


async def looks_at(site: Site, preset: str | None) -> None:
    async def is_there() -> bool:
        return await view_of(site) == (False, preset)

    await until(is_there, within_s=60, what=f"a camera that is known to look at {preset}")


async def task_of(site: Site) -> dict[str, Any]:
    (task,) = (await site.box.panel.get("/api/v1/tasks")).json()["items"]
    return dict(task["report"])


@asynccontextmanager
async def sending(site: Site, number: Callable[[], int] = lambda: 0) -> AsyncIterator[None]:
    """Let key frames of the camera arrive, ten a second: those of that number of the coded pictures."""

    async def send() -> None:
        while True:
            site.box.send(number(), point_id=DOME)
            await asyncio.sleep(0.1)  # the camera's pace

    async with asyncio.TaskGroup() as group:
        running = group.create_task(send())
        try:
            yield
        finally:
            running.cancel()


async def test_a_task_judges_what_a_snapshot_shows_only_at_the_preset_that_it_is_drawn_for(site: Site) -> None:
    await draw(site, "1")
    await site.box.panel.post("/api/v1/tasks", json={"point_id": DOME, "algorithm_id": INTRUSION})
    await site.turn(kind="preset", preset="2")
    await looks_at(site, "2")
    async with sending(site):

        async def waits() -> bool:
            return str((await task_of(site))["reason"]).startswith("view_other")

        await until(waits, within_s=60, what="a task that waits for its preset")
        elsewhere = await task_of(site)
        taken = await site.take(aim={"kind": "preset", "preset": "1"}, within_s=60)

        async def judges() -> bool:
            return bool((await task_of(site))["frames"])

        await until(judges, within_s=60, what="a picture of the preset that was judged")
        await looks_at(site, "2")  # where the person has left it
        await until(waits, within_s=60, what="a task that waits again")

    assert (elsewhere["state"], elsewhere["frames"]) == ("waiting", 0)
    assert taken.json()["aim"] == {"kind": "preset", "preset": "1"}
    assert looks(site.dome, PRESETS["2"][1])


async def test_an_event_says_at_which_preset_it_was_seen_and_how_the_camera_calls_it(site: Site) -> None:
    await draw(site, "1", EVERYWHERE)
    await site.box.panel.post("/api/v1/tasks", json={"point_id": DOME, "algorithm_id": INTRUSION})
    await site.turn(kind="preset", preset="1")
    await looks_at(site, "1")
    shown = 0
    async with sending(site, lambda: shown):

        async def knows_the_scene() -> bool:
            return bool((await task_of(site))["frames"] >= 10)

        async def events() -> list[dict[str, Any]]:
            return list((await site.box.panel.get("/api/v1/events")).json()["items"])

        await until(knows_the_scene, within_s=60, what="a task that knows its scene")
        shown = 1  # something has moved
        (event, *_) = await until(events, within_s=60, what="an event")

    assert (event["preset"], event["preset_name"]) == ("1", PRESETS["1"][0])


async def test_a_camera_that_only_snapshots_turn_is_asked_once_how_it_calls_its_presets() -> None:
    dome = a_dome()
    async with commanded(dome) as heads:
        camera = heads.camera(DOME)
        assert camera is not None

        for preset in PRESETS:
            async with heads.facing(camera, PresetAim(preset=preset)):
                assert heads.views.name(DOME, preset) == PRESETS[preset][0]

    assert dome.requests.count("GetPresets") == 1


async def test_where_a_camera_looks_is_known_of_all_that_turns_it(site: Site) -> None:
    never = await view_of(site)
    stopped_s = time.monotonic()
    site.dome.clock_s = lambda: stopped_s  # it moves, and does not arrive
    await site.turn(kind="move", pan=0.5, for_s=0.3)
    turned = await view_of(site)
    site.dome.clock_s = time.monotonic
    await looks_at(site, None)
    moved = not looks(site.dome, HOME)
    await site.turn(kind="preset", preset="1")
    await looks_at(site, "1")
    nowhere = await site.turn(kind="preset", preset="9")  # it has no such preset, and stays
    await looks_at(site, "1")

    assert (never, turned, moved, nowhere.status_code) == ((False, None), (True, None), True, 502)


async def test_a_camera_with_scenes_of_presets_is_asked_where_it_looks_and_found_out_when_others_turn_it(
    site: Site,
) -> None:
    await draw(site, "1")
    await looks_at(site, None)

    for view, preset in ((PRESETS["2"][1], "2"), (Place(pan=-0.7), None), (PRESETS["1"][1], "1")):
        site.dome.turn_to(view)
        await looks_at(site, preset)


async def test_what_the_vision_process_hears_changes_with_every_turn(site: Site) -> None:
    heard: list[View] = []
    async with agent_client(site.box.config.run_folder) as vision, asyncio.TaskGroup() as group:

        async def listen() -> None:
            async for views in vision.views():
                heard.extend(view for point_id, view in views.views.items() if point_id == DOME)

        listening = group.create_task(listen())
        await site.turn(kind="preset", preset="1")
        await until(lambda: heard and heard[-1].preset == "1", within_s=60, what="word of the preset")
        listening.cancel()

    assert [(view.turning, view.preset) for view in heard] == [(True, ""), (False, "1")]


@asynccontextmanager
async def commanded(dome: SimulatedCamera) -> AsyncIterator[Heads]:
    """Give what commands a camera that is on air."""

    async def keep_home(_point_id: str, _home: Position | None) -> None:
        pass

    async with served(dome) as on_air, aiohttp.ClientSession() as session:
        camera = CameraSpec(point_id=DOME, name="", url="rtsp://127.0.0.1:1/", onvif_url=on_air.url)
        yield Heads(session=session, camera=lambda _point_id: camera, keep_home=keep_home)


@asynccontextmanager
async def watching_one_that_does_not_tell(rests_after_s: float) -> AsyncIterator[tuple[SimulatedCamera, Heads]]:
    """Give a camera that says where it looks in degrees, and what commands it."""
    dome = a_dome()
    await until(lambda: looks(dome, HOME), within_s=90, what="a camera at home")
    dome.become(told_space="http://www.onvif.org/ver10/tptz/PanTiltSpaces/SphericalPositionSpaceDegrees")

    async with commanded(dome) as heads, asyncio.TaskGroup() as group:
        running = group.create_task(Watcher(heads=heads, watched=frozenset, rests_after_s=rests_after_s).run())
        try:
            yield dome, heads
        finally:
            running.cancel()


async def test_a_camera_that_does_not_tell_where_it_looks_is_taken_to_rest_after_a_while() -> None:
    async with watching_one_that_does_not_tell(rests_after_s=1.0) as (_, heads):
        camera = heads.camera(DOME)
        assert camera is not None

        async def rests() -> View | None:
            view = heads.views.view(DOME)
            return view if view is not None and not view.turning else None

        async with heads.taken_over(camera, preset="1") as turning:
            await turning.go_to_preset("1")
        at_the_preset = await until(rests, within_s=90, what="a camera that is taken to rest")
        async with heads.taken_over(camera) as turning:
            await turning.move_by(Position(pan=0.1))
        elsewhere = await until(rests, within_s=90, what="a camera that is taken to rest again")

    assert at_the_preset is not None
    assert elsewhere is not None
    assert (at_the_preset.preset, elsewhere.preset) == ("1", "")


async def test_no_snapshot_turns_a_camera_that_could_not_be_led_back() -> None:
    async with watching_one_that_does_not_tell(rests_after_s=1.0) as (dome, heads):
        camera = heads.camera(DOME)
        assert camera is not None

        with pytest.raises(NotTaken) as refused:
            async with heads.facing(camera, PresetAim(preset="1")):
                pass

    assert (refused.value.code, "GotoPreset" in dome.requests, looks(dome, HOME)) == ("device_cannot", False, True)


@pytest.mark.parametrize("away", [0.0, NEAR * 0.9])
def test_a_place_is_found_again_a_little_beside(away: float) -> None:
    spots = Spots(told={"1": Position(pan=0.5)})

    first, second = spots.named(Position(pan=-0.5)), spots.named(Position(tilt=-0.5))
    again = spots.named(Position(pan=-0.5 + away))

    assert (first, second, again) == (("", 0), ("", 1), ("", 0))
    assert spots.named(Position(pan=0.5 - away)) == ("1", 0)


def test_of_two_presets_at_one_place_it_is_the_one_that_was_asked_for() -> None:
    spots = Spots(told={"1": Position(pan=0.5)}, learnt={"9": Position(pan=0.5)})

    assert [spots.named(Position(pan=0.5), sent_to=preset)[0] for preset in ("1", "9")] == ["1", "9"]


def test_a_preset_that_was_set_anew_is_where_the_camera_says_and_no_more_where_it_was() -> None:
    spots = Spots(told={"1": Position(pan=0.2)}, learnt={"1": Position(pan=0.5)})

    assert (spots.named(Position(pan=0.2))[0], spots.named(Position(pan=0.5))[0]) == ("1", "")


def test_only_so_many_places_are_remembered() -> None:
    spots = Spots()
    for number in range(MOST_PLACES + 1):
        spots.named(Position(pan=number * 2 * NEAR))

    assert spots.named(Position(pan=0.0)) == ("", MOST_PLACES + 1)
    assert spots.named(Position(pan=MOST_PLACES * 2 * NEAR)) == ("", MOST_PLACES)


def test_the_board_changes_only_with_what_is_new() -> None:
    board = ViewBoard()
    changes: list[Callable[[], None]] = [
        lambda: board.turns("gate"),
        lambda: board.rests("gate", "1", 0),
        lambda: board.rests("gate", "", 3),
        lambda: board.forget("gate"),
    ]
    versions = [board.version]
    for change in changes:
        for _ in range(2):
            change()
            versions.append(board.version)

    assert [version - versions[0] for version in versions] == [0, 1, 1, 2, 2, 3, 3, 4, 4]
    assert board.view("gate") is None
