"""What the panel does with ONVIF devices."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit

import aiohttp

from appliance.agent.state import AgentState
from appliance.capture.desk import Desk
from appliance.capture.order import NotTaken
from appliance.capture.service import ready
from appliance.onvif import Credentials, Description, Device, NotSupported, OnvifError, Position, Profile
from appliance.onvif import discover as search_network
from appliance.panel.devices import model
from appliance.store.results import Doer, record
from federation.discovery.interfaces import own_addresses
from federation.http import Page, Problem
from federation.http.problem import not_found
from federation.messages import CameraSpec
from federation.viewing.turning import GoToPreset, KeepTurning, PresetRow, StopTurning, Turn

DESCRIBED_AT_ONCE = 8
CONFLICTS = frozenset({"cannot_turn", "in_use"})


@dataclass(frozen=True, kw_only=True)
class Devices:
    """Searches devices on the local network, describes them, and turns the cameras of this box for people."""

    state: AgentState
    desk: Desk

    async def search(self) -> Page[model.FoundDevice]:
        """Return the devices that answer on the local network within some seconds."""
        addresses = await asyncio.to_thread(own_addresses, self.state.config.lan.interfaces)
        found = await search_network(addresses=addresses)
        cameras = self.state.wishes.all_cameras
        return Page(
            items=tuple(
                model.FoundDevice(
                    url=one.urls[0],
                    name=one.name,
                    hardware=one.hardware,
                    location=one.location,
                    point_id=_known_as(one.urls, cameras),
                )
                for one in found
            )
        )

    async def describe(self, address: model.DeviceAddress) -> model.DeviceDescription:
        """Return what a device offers; raise Problem with what the device, or the network, has against it."""
        user = Credentials(username=address.username, password=address.password)
        async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as session:
            device = Device(session, address.url, user)
            with _told():
                found = await device.describe()
            profiles: list[model.DeviceProfile] = []
            for first in range(0, len(found.profiles), DESCRIBED_AT_ONCE):
                some = found.profiles[first : first + DESCRIBED_AT_ONCE]
                profiles += await asyncio.gather(*(_profile(device, profile) for profile in some))
        return _description(found, tuple(profiles))

    async def presets(self, point_id: str) -> Page[PresetRow]:
        """Return the places that a camera remembers; raise Problem."""
        camera = self.state.camera(point_id)
        if camera is None:
            raise not_found("camera", point_id)
        with ready(), _told():
            heads = self.desk.heads
            found = await heads.presets(heads.of(camera))
        return Page(items=tuple(PresetRow(preset=each.token, name=each.name) for each in found))

    async def turn(self, point_id: str, order: Turn, doer: Doer) -> None:
        """Turn a camera, or stop it; raise Problem."""
        camera, what = self.state.camera(point_id), order.order
        if camera is None:
            raise not_found("camera", point_id)
        preset = what.preset if isinstance(what, GoToPreset) else ""
        with ready(), _told():
            async with self.desk.heads.taken_over(camera, preset=preset) as turning:
                match what:
                    case KeepTurning():
                        speed = Position(pan=what.pan, tilt=what.tilt, zoom=what.zoom)
                        await turning.keep_moving(speed, for_s=what.for_s)
                    case StopTurning():
                        await turning.stop()
                    case GoToPreset():
                        await turning.go_to_preset(what.preset)
        if isinstance(what, GoToPreset):
            detail = {"preset": what.preset}
            await self.state.commit(lambda db: record(db, doer, "camera.turn", f"camera:{point_id}", detail))


@contextmanager
def _told() -> Iterator[None]:
    """Tell what a device has against it as a problem."""
    try:
        yield
    except OnvifError as error:
        raise _problem(409 if isinstance(error, NotSupported) else 502, error.code, str(error)) from error
    except NotTaken as why:
        raise _problem(409 if why.code in CONFLICTS else 502, why.code, str(why)) from why


def _problem(status: int, code: str, text: str) -> Problem:
    return Problem(status, code, f"{text[:1].upper()}{text[1:]}.")


async def _profile(device: Device, profile: Profile) -> model.DeviceProfile:
    try:
        stream_url = await device.stream_url(profile.token)
    except OnvifError:
        stream_url = ""  # one profile without a stream spoils not the others
    return model.DeviceProfile(
        token=profile.token,
        name=profile.name or profile.token,
        encoding=profile.encoding,
        width_px=profile.width_px,
        height_px=profile.height_px,
        fps=profile.fps,
        bitrate_kbps=profile.bitrate_kbps,
        gop_frames=profile.gop_frames,
        can_turn=profile.can_turn,
        stream_url=stream_url,
    )


def _description(found: Description, profiles: tuple[model.DeviceProfile, ...]) -> model.DeviceDescription:
    return model.DeviceDescription(
        manufacturer=found.manufacturer,
        model=found.model,
        firmware=found.firmware,
        serial=found.serial,
        profiles=profiles,
    )


def _known_as(urls: tuple[str, ...], cameras: tuple[CameraSpec, ...]) -> str | None:
    """Return which camera of this box is at one of these addresses."""
    places = {urlsplit(url).netloc for url in urls}
    return next((camera.point_id for camera in cameras if urlsplit(camera.onvif_url).netloc in places), None)
