"""ONVIF devices at the panel of a running agent: found, described, added, turned. The devices are simulated."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest

from appliance.config import LanConfig
from appliance.local.sockets import DOOR_SOCKET
from federation.testing.waiting import until
from hil_tests.rig.onvif import ServedCamera, SimulatedCamera, View, answering_probes, served
from tests.appliance.panel.test_api import POINT, agent, config_in, results_of, signed_in

USER = {"username": "admin", "password": "camera-secret"}
PROFILE = "profile_1"


def simulated(name: str = "East gate", **behaviour: Any) -> SimulatedCamera:
    made = SimulatedCamera(
        name=name,
        serial=name,
        stream_url="rtsp://127.0.0.1:8554/east",
        picture=lambda _view: b"",
        username=USER["username"],
        password=USER["password"],
    )
    made.presets = {"1": ("大门", View(pan=0.5)), "2": ("车道", View(pan=-0.25, tilt=0.1, zoom=0.5))}
    made.become(**behaviour)
    return made


@pytest.fixture
async def device() -> AsyncIterator[ServedCamera]:
    async with served(simulated()) as on_air:
        yield on_air


@pytest.fixture
async def panel(tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    lan = LanConfig(host="127.0.0.1", port=0, discovery=False, interfaces=("127.0.0.1",))
    config = config_in(tmp_path).model_copy(update={"lan": lan})
    async with agent(config) as url, signed_in(config, url) as client:
        yield client


async def added(panel: httpx.AsyncClient, device: ServedCamera, **changes: Any) -> None:
    command = {"onvif_url": device.url, "turns": True, **changes}
    camera = {"id": "gate", "name": "东门", "url": "rtsp://127.0.0.1:8554/east", **USER, **command}
    (await panel.post("/api/v1/cameras", json=camera)).raise_for_status()


async def turn(panel: httpx.AsyncClient, **order: Any) -> httpx.Response:
    return await panel.post(f"/api/v1/cameras/{POINT}/turn", json={"order": order})


async def test_devices_of_the_network_are_found_and_those_of_this_box_known(panel: httpx.AsyncClient) -> None:
    async with AsyncExitStack() as stack:
        devices = [await stack.enter_async_context(served(simulated(name))) for name in ("gate", "yard")]
        await stack.enter_async_context(answering_probes(devices))
        await added(panel, devices[0])

        async def both() -> dict[str, tuple[str, str | None]] | None:
            found = (await panel.post("/api/v1/devices/search")).json()["items"]
            known = {item["url"]: (item["name"], item["point_id"]) for item in found}
            return known if {each.url for each in devices} <= known.keys() else None

        # A search waits no longer for cameras that a busy machine keeps from answering; a person searches again.
        known = await until(both, within_s=60, what="an answer of both devices")

    assert known is not None
    assert known[devices[0].url] == ("gate", POINT)
    assert known[devices[1].url] == ("yard", None)


async def test_a_device_says_what_it_offers_to_who_knows_its_password(
    panel: httpx.AsyncClient, device: ServedCamera
) -> None:
    told = (await panel.post("/api/v1/devices/describe", json={"url": device.url, **USER})).json()
    refused = await panel.post("/api/v1/devices/describe", json={"url": device.url, **USER, "password": "wrong"})

    (profile,) = told["profiles"]
    assert told["model"] == "virtual"
    assert (profile["token"], profile["stream_url"], profile["can_turn"]) == (
        PROFILE,
        "rtsp://127.0.0.1:8554/east",
        True,
    )
    assert (refused.status_code, refused.json()["code"]) == (502, "device_refuses_credentials")


async def test_an_address_without_a_device_is_told(panel: httpx.AsyncClient) -> None:
    urls = ("http://127.0.0.1:1/onvif/device_service", "ftp://127.0.0.1/", "http://admin:secret@127.0.0.1/")

    answers = [await panel.post("/api/v1/devices/describe", json={"url": url}) for url in urls]

    assert [(answer.status_code, answer.json()["code"]) for answer in answers] == [
        (502, "device_unreachable"),
        (422, "invalid_input"),
        (422, "invalid_input"),
    ]


async def test_a_camera_turns_while_it_is_told_to_and_stops(panel: httpx.AsyncClient, device: ServedCamera) -> None:
    await added(panel, device)

    begun = await turn(panel, kind="move", pan=0.5, for_s=10)
    await until(lambda: device.camera.view().pan > 0.05, within_s=60, what="it turns")
    stopped = await turn(panel, kind="stop")

    assert (begun.status_code, stopped.status_code) == (204, 204)
    assert not device.camera.moving
    assert 0.05 < device.camera.view().pan < 5.0


async def test_the_hub_may_turn_a_camera_and_ask_for_its_presets_but_not_search_the_network(
    tmp_path: Path, panel: httpx.AsyncClient, device: ServedCamera
) -> None:
    await added(panel, device)
    door = httpx.AsyncHTTPTransport(uds=str(config_in(tmp_path).run_folder / DOOR_SOCKET))
    async with httpx.AsyncClient(transport=door, base_url="http://door", timeout=60) as hub:
        presets = await hub.get(f"/api/v1/cameras/{POINT}/presets")
        stopped = await turn(hub, kind="stop")
        searched = await hub.post("/api/v1/devices/search")

    assert [item["name"] for item in presets.json()["items"]] == ["大门", "车道"]
    assert (stopped.status_code, searched.status_code) == (204, 404)


async def test_a_camera_goes_to_its_presets_and_that_is_recorded(
    tmp_path: Path, panel: httpx.AsyncClient, device: ServedCamera
) -> None:
    await added(panel, device)

    presets = (await panel.get(f"/api/v1/cameras/{POINT}/presets")).json()["items"]
    gone = await turn(panel, kind="preset", preset="2")
    nowhere = await turn(panel, kind="preset", preset="9")
    await until(lambda: device.camera.view().zoom == 0.5, within_s=60, what="it is there")

    assert [(preset["preset"], preset["name"]) for preset in presets] == [("1", "大门"), ("2", "车道")]
    assert (gone.status_code, nowhere.status_code, nowhere.json()["code"]) == (204, 502, "device_fault")
    assert ("camera.turn", f"camera:{POINT}", True) in results_of(config_in(tmp_path))


async def test_a_wrong_order_moves_nothing(panel: httpx.AsyncClient, device: ServedCamera) -> None:
    await added(panel, device)
    orders: tuple[dict[str, Any], ...] = (
        {"kind": "move", "pan": 1.5},
        {"kind": "move", "for_s": 60},
        {"kind": "preset", "preset": ""},
        {"kind": "dance"},
    )

    answers = [await turn(panel, **order) for order in orders]

    assert {answer.status_code for answer in answers} == {422}
    assert not {"ContinuousMove", "GotoPreset"} & set(device.camera.requests)


async def test_a_camera_that_nothing_commands_is_not_turned(panel: httpx.AsyncClient, device: ServedCamera) -> None:
    await added(panel, device, onvif_url="")

    refused = await turn(panel, kind="stop")
    unknown = await panel.post("/api/v1/cameras/nobody/turn", json={"order": {"kind": "stop"}})

    assert (refused.status_code, refused.json()["code"]) == (409, "cannot_turn")
    assert unknown.status_code == 404


async def test_a_camera_that_does_not_turn_says_so(panel: httpx.AsyncClient) -> None:
    async with served(simulated(turns=False)) as fixed:
        await added(panel, fixed)

        refused = await turn(panel, kind="move", pan=0.5)

    assert (refused.status_code, refused.json()["code"]) == (409, "device_cannot")
