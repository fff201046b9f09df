"""Commanding an ONVIF camera: a simulated one over real HTTP, good and bad."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import aiohttp
import pytest

from appliance.onvif import (
    Credentials,
    Device,
    DeviceFault,
    DeviceUnreachable,
    NotAuthorized,
    NotOnvif,
    NotSupported,
    OnvifError,
    Position,
    Preset,
)
from appliance.onvif import connection as bounds
from hil_tests.rig.onvif import SimulatedCamera, View, served
from hil_tests.rig.onvif.camera import Proof

USER = Credentials(username="admin", password="camera<&>密")
TOKEN = "profile_1"


def picture_of(view: View) -> bytes:
    """Return something that differs with the view."""
    return b"\xff\xd8\xff" + f"{view.pan:.1f} {view.tilt:.1f} {view.zoom:.1f}".encode()


def camera(**behaviour: Any) -> SimulatedCamera:
    """Return a camera with a user and two presets."""
    made = SimulatedCamera(
        name="East gate 东门",
        serial="sim-1",
        stream_url="rtsp://127.0.0.1:8554/east",
        picture=picture_of,
        username=USER.username,
        password=USER.password,
    )
    made.presets = {"1": ("大门", View(pan=0.5)), "2": ("车道 & 岗亭", View(pan=-0.25, tilt=0.1, zoom=0.5))}
    made.become(**behaviour)
    return made


@asynccontextmanager
async def device(simulated: SimulatedCamera, user: Credentials = USER) -> AsyncIterator[Device]:
    """Serve a camera and give what commands it."""
    async with served(simulated) as on_air, aiohttp.ClientSession() as session:
        yield Device(session, on_air.url, user)


async def test_a_camera_says_who_made_it_and_what_it_offers() -> None:
    async with device(camera()) as asked:
        found = await asked.describe()

    assert (found.manufacturer, found.model, found.serial) == ("Fengsui rig", "virtual", "sim-1")
    (profile,) = found.profiles
    assert (profile.encoding, profile.width_px, profile.height_px) == ("H265", 1920, 1080)
    assert (profile.fps, profile.bitrate_kbps, profile.gop_frames, profile.can_turn) == (25.0, 4096, 50, True)


async def test_a_camera_without_the_second_media_service_is_asked_by_the_first() -> None:
    async with device(camera(second_media=False, turns=False)) as asked:
        (profile,) = await asked.profiles()
        url = await asked.stream_url(TOKEN)
        picture = await asked.snapshot(TOKEN)

    assert (profile.encoding, profile.gop_frames, profile.can_turn) == ("H264", 50, False)
    assert url == "rtsp://127.0.0.1:8554/east"
    assert picture == picture_of(View())


async def test_a_camera_of_before_the_list_of_services_is_understood() -> None:
    async with device(camera(lists_services=False)) as asked:
        assert await asked.stream_url(TOKEN) == "rtsp://127.0.0.1:8554/east"
        assert [preset.token for preset in await asked.turning(TOKEN).presets()] == ["1", "2"]


async def test_addresses_that_lead_nowhere_are_replaced_by_where_the_camera_answers() -> None:
    async with device(camera(told_host="192.0.2.77")) as asked:
        assert await asked.stream_url(TOKEN) == "rtsp://127.0.0.1:8554/east"
        assert await asked.snapshot(TOKEN) == picture_of(View())


@pytest.mark.parametrize("proof", list(Proof))
async def test_every_way_of_proving_the_user_is_understood(proof: Proof) -> None:
    async with device(camera(proof=proof)) as asked:
        assert (await asked.describe()).serial == "sim-1"
        assert await asked.snapshot(TOKEN)


@pytest.mark.parametrize("ahead", [timedelta(days=-400), timedelta(hours=9)])
async def test_the_cameras_own_clock_is_used_for_the_token(ahead: timedelta) -> None:
    async with device(camera(proof=Proof.TOKEN, clock_ahead=ahead)) as asked:
        assert (await asked.describe()).serial == "sim-1"


async def test_a_camera_whose_clock_jumped_is_asked_by_its_new_clock() -> None:
    simulated = camera(proof=Proof.TOKEN)
    async with device(simulated) as asked:
        await asked.describe()
        simulated.become(clock_ahead=timedelta(days=-3650))

        assert (await asked.describe()).serial == "sim-1"


async def test_a_wrong_password_is_tried_once_so_that_the_camera_does_not_lock_its_user() -> None:
    simulated = camera(proof=Proof.TOKEN)
    async with device(simulated, Credentials(username="admin", password="wrong")) as asked:
        with pytest.raises(NotAuthorized):
            await asked.describe()

    assert simulated.requests.count("GetDeviceInformation") == 1


@pytest.mark.parametrize("proof", list(Proof))
async def test_a_stranger_is_refused(proof: Proof) -> None:
    async with device(camera(proof=proof), Credentials()) as asked:
        with pytest.raises(NotAuthorized):
            await asked.describe()


async def test_presets_are_listed_and_turned_to() -> None:
    async with device(camera()) as asked:
        turning = asked.turning(TOKEN)
        assert await turning.presets() == (
            Preset(token="1", name="大门", position=Position(pan=0.5)),
            Preset(token="2", name="车道 & 岗亭", position=Position(pan=-0.25, tilt=0.1, zoom=0.5)),
        )

        await turning.go_to_preset("2")

        assert await at_rest(turning) == Position(pan=-0.25, tilt=0.1, zoom=0.5)
        assert await asked.snapshot(TOKEN) == picture_of(View(pan=-0.25, tilt=0.1, zoom=0.5))


async def test_positions_ways_and_speeds_turn_the_camera() -> None:
    async with device(camera()) as asked:
        turning = asked.turning(TOKEN)

        await turning.move_to(Position(pan=0.1, tilt=-0.1, zoom=0.2))
        assert await at_rest(turning) == Position(pan=0.1, tilt=-0.1, zoom=0.2)
        await turning.move_by(Position(pan=0.1))
        assert await at_rest(turning) == Position(pan=0.2, tilt=-0.1, zoom=0.2)
        await turning.keep_moving(Position(tilt=1.0), for_s=0.2)
        assert await at_rest(turning) == Position(pan=0.2, tilt=0.1, zoom=0.2)


async def test_a_movement_can_be_stopped() -> None:
    simulated = camera()
    async with device(simulated) as asked:
        turning = asked.turning(TOKEN)
        await turning.keep_moving(Position(pan=-0.05), for_s=3600)
        await turning.stop()

        position, moving = await turning.position()

    assert not moving
    assert position.pan > -1.0


async def test_a_movement_lasts_a_minute_at_most() -> None:
    simulated = camera()
    simulated.clock_s = lambda: 0.0
    async with device(simulated) as asked:
        await asked.turning(TOKEN).keep_moving(Position(zoom=0.001), for_s=1e9)

    simulated.clock_s = lambda: 1e9
    assert simulated.view().zoom == pytest.approx(0.06)


GENERIC = "http://www.onvif.org/ver10/tptz/PanTiltSpaces/PositionGenericSpace"
DEGREES = "http://www.onvif.org/ver10/tptz/PanTiltSpaces/SphericalPositionSpaceDegrees"


@pytest.mark.parametrize(("told", "pan"), [("1.0", 1.0), ("1.0172", 1.0), ("-1.02", -1.0), ("-0.9999", -0.9999)])
async def test_a_camera_a_little_beyond_its_end_is_at_its_end(told: str, pan: float) -> None:
    async with device(camera(told_pan=told, told_space=GENERIC)) as asked:
        position, _ = await asked.turning(TOKEN).position()

    assert position == Position(pan=pan)


@pytest.mark.parametrize(
    ("told", "space"), [("180.0", ""), ("-1.03", ""), ("nan", ""), ("inf", ""), ("east", ""), ("0.5", DEGREES)]
)
async def test_a_position_that_is_in_no_generic_space_is_refused_and_never_taken_for_the_middle(
    told: str, space: str
) -> None:
    async with device(camera(told_pan=told, told_space=space)) as asked:
        with pytest.raises(NotSupported, match="generic spaces"):
            await asked.turning(TOKEN).position()


async def test_a_fixed_camera_says_that_it_does_not_turn() -> None:
    async with device(camera(turns=False)) as asked:
        with pytest.raises(NotSupported, match="does not turn"):
            await asked.turning(TOKEN).presets()


async def test_what_the_camera_does_not_know_is_its_fault_in_words() -> None:
    async with device(camera()) as asked:
        with pytest.raises(DeviceFault, match="no such preset"):
            await asked.turning(TOKEN).go_to_preset("99")
        with pytest.raises(DeviceFault, match="no such profile"):
            await asked.stream_url("<gone>")


async def test_nobody_at_the_address_is_said_without_the_password() -> None:
    async with aiohttp.ClientSession() as session:
        with pytest.raises(DeviceUnreachable) as raised:
            await Device(session, "http://127.0.0.1:1/onvif/device_service", USER).describe()

    assert "127.0.0.1:1" in str(raised.value)
    assert USER.password not in str(raised.value)


BOMB = b"<!DOCTYPE b [<!ENTITY a 'aaaaaaaaaa'><!ENTITY b '&a;&a;&a;'>]><Envelope>&b;</Envelope>"


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"<html>router</html>",
        b"\x00\xff\xfe",
        BOMB,
        b'<?xml version="1.0" encoding="utf-7"?><a/>',
        b"<a>" * 5000 + b"</a>" * 5000,
        b"<s:Envelope xmlns:s='http://www.w3.org/2003/05/soap-envelope'/>",
        b" " * (bounds.LARGEST_ANSWER_BYTES + 1),
    ],
    ids=["nothing", "a page", "bytes", "a bomb", "an encoding", "deep", "no body", "too large"],
)
async def test_what_speaks_no_onvif_is_told_apart(answer: bytes) -> None:
    async with device(camera(answers=answer), Credentials()) as asked:
        with pytest.raises(NotOnvif):
            await asked.describe()


async def test_answers_of_any_shape_are_errors_or_values() -> None:
    shapes = (
        b"<s:Envelope xmlns:s='http://www.w3.org/2003/05/soap-envelope'><s:Body/></s:Envelope>",
        b"<s:Envelope xmlns:s='http://www.w3.org/2003/05/soap-envelope'><s:Body><s:Fault/></s:Body></s:Envelope>",
    )
    for shape in shapes:
        async with device(camera(answers=shape), Credentials()) as asked:
            for call in (asked.describe(), asked.stream_url(TOKEN), asked.snapshot(TOKEN)):
                with pytest.raises(OnvifError):
                    await call


async def at_rest(turning: Any) -> Position:
    """Return where the camera looks once it has come to rest."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        position, moving = await turning.position()
        if not moving:
            return Position(pan=round(position.pan, 3), tilt=round(position.tilt, 3), zoom=round(position.zoom, 3))
        await asyncio.sleep(0.02)
    raise AssertionError("the camera never came to rest")
