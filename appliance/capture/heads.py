"""Cameras that turn (云台): each is one resource, turned for one picture after the other, and back home when idle.

Home is where a camera looked before it was turned; it is noted in the index, so that a restart finds the way back.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TypeVar

import aiohttp

from appliance.capture.order import NotTaken
from appliance.onvif import Credentials, Device, OnvifError, Position, Preset, Turning
from federation.messages import Aim, CameraSpec, PositionAim, PresetAim, WayAim

log = logging.getLogger(__name__)

HOME_AFTER_S = 3.0
RESTS_WITHIN_S = 20.0
LOOK_EVERY_S = 0.2
SAME = 0.002
"""Of the way from end to end: what a camera that rests may seem to move."""

Result = TypeVar("Result")


@dataclass(kw_only=True)
class Head:
    """One camera that can be commanded; `home` is None while it looks where it looks by itself."""

    camera: CameraSpec
    device: Device
    home: Position | None = None
    used_s: float = 0.0
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    _profile: str = ""
    _turning: Turning | None = None

    async def still(self) -> bytes:
        """Return a picture that the camera takes by itself, JPEG; raise NotTaken."""
        return await _told(self.device.snapshot(await self.profile()))

    async def presets(self) -> tuple[Preset, ...]:
        """Return the places that the camera remembers; raise NotTaken."""
        return await _told((await self.turning()).presets())

    async def face(self, aim: Aim) -> None:
        """Turn to `aim` and return when the camera rests; raise NotTaken."""
        turning = await self.turning()
        if isinstance(aim, PresetAim):
            await _told(turning.go_to_preset(aim.preset))
        elif isinstance(aim, PositionAim):
            await _told(turning.move_to(Position(pan=aim.pan, tilt=aim.tilt, zoom=aim.zoom)))
        else:
            await _told(turning.move_by(Position(pan=aim.pan, tilt=aim.tilt, zoom=aim.zoom)))
        await self._rest(turning)

    async def position(self) -> Position:
        """Return where the camera looks; raise NotTaken."""
        return (await _told((await self.turning()).position()))[0]

    async def face_position(self, position: Position) -> None:
        """Turn to a position and return when the camera rests; raise NotTaken."""
        await self.face(PositionAim(pan=position.pan, tilt=position.tilt, zoom=position.zoom))

    async def profile(self) -> str:
        """Return the profile that turns, or the first; raise NotTaken."""
        if not self._profile:
            profiles = await _told(self.device.profiles())
            if not profiles:
                raise NotTaken("device_cannot", "the camera offers no profile by ONVIF")
            self._profile = next((each.token for each in profiles if each.can_turn), profiles[0].token)
        return self._profile

    async def turning(self) -> Turning:
        """Return what turns the camera; raise NotTaken."""
        if self._turning is None:
            self._turning = self.device.turning(await self.profile())
        return self._turning

    async def _rest(self, turning: Turning) -> None:
        """Return once two looks, one after the other, find the camera at one place and not moving."""
        before: Position | None = None
        try:
            async with asyncio.timeout(RESTS_WITHIN_S):
                while True:
                    await asyncio.sleep(LOOK_EVERY_S)
                    now, moves = await _told(turning.position())
                    if not moves and before is not None and _distance(before, now) <= SAME:
                        return
                    before = now
        except TimeoutError:
            raise NotTaken(
                "does_not_rest", f"the camera was told to turn, and moves on for {RESTS_WITHIN_S:g} s"
            ) from None


@dataclass(kw_only=True)
class Heads:
    """The cameras that can be commanded; `camera` returns the present settings of one, None for one that is gone.

    `keep_home` notes, or with None forgets, where a camera is to go back to.
    """

    session: aiohttp.ClientSession
    camera: Callable[[str], CameraSpec | None]
    keep_home: Callable[[str, Position | None], Awaitable[None]]
    _heads: dict[str, Head] = field(default_factory=dict)

    def of(self, camera: CameraSpec) -> Head:
        """Return what commands a camera; raise NotTaken if nothing can."""
        if not camera.onvif_url:
            raise NotTaken("cannot_turn", "the camera's ONVIF address is not known; enter it in its settings")
        head = self._heads.get(camera.point_id)
        if head is None or _access(head.camera) != _access(camera):
            user = Credentials(username=camera.username, password=camera.password)
            home = None if head is None else head.home
            head = Head(camera=camera, device=Device(self.session, camera.onvif_url, user), home=home)
            self._heads[camera.point_id] = head
        return head

    @asynccontextmanager
    async def facing(self, camera: CameraSpec, aim: Aim | None) -> AsyncIterator[bool]:
        """Hold a camera turned to `aim`, or home, for as long as the context is open; tell whether it was turned."""
        head = self.of(camera)
        async with head.lock:
            head.used_s = time.monotonic()
            turned = await self._face(head, aim)
            try:
                yield turned
            finally:
                head.used_s = time.monotonic()

    async def taken_over(self, camera: CameraSpec) -> Turning:
        """Return what turns a camera for a person: where it looks then is where it looks by itself; raise NotTaken."""
        head = self.of(camera)
        if head.lock.locked():
            raise NotTaken("in_use", "the camera is being turned for a snapshot; try again in some seconds")
        async with head.lock:
            if head.home is not None:
                await self.keep_home(camera.point_id, None)
                head.home = None
            return await head.turning()

    def adopt(self, camera: CameraSpec, home: Position) -> None:
        """Take over a camera that was turned before a restart."""
        with contextlib.suppress(NotTaken):
            self.of(camera).home = home

    async def run(self) -> None:
        """Turn idle cameras home, until cancelled."""
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            now_s = time.monotonic()
            for point_id in list(self._heads):
                head = self._present(point_id)
                if head and head.home is not None and not head.lock.locked() and now_s - head.used_s > HOME_AFTER_S:
                    await self._let_go(head)

    def _present(self, point_id: str) -> Head | None:
        """Return what commands a camera by its present settings; forget one that nothing commands any more."""
        camera = self.camera(point_id)
        if camera is None or not camera.onvif_url:
            del self._heads[point_id]
            return None
        return self.of(camera)

    async def _face(self, head: Head, aim: Aim | None) -> bool:
        if aim is None:
            if head.home is None:
                return False
            await self._go_home(head)
            return True
        if isinstance(aim, WayAim):
            await self._go_home(head)  # a way is from where it looks by itself
        if head.home is None:
            home = await head.position()
            await self.keep_home(head.camera.point_id, home)
            head.home = home
        await head.face(aim)
        return True

    async def _let_go(self, head: Head) -> None:
        async with head.lock:
            try:
                await self._go_home(head)
            except NotTaken as why:
                log.warning("camera %s does not go home: %s", head.camera.point_id, why)
                head.used_s = time.monotonic() + 30.0  # it is asked again in a while

    async def _go_home(self, head: Head) -> None:
        if head.home is not None:
            await head.face_position(head.home)
            head.home = None
            await self.keep_home(head.camera.point_id, None)


async def _told(asked: Awaitable[Result]) -> Result:
    try:
        return await asked
    except OnvifError as error:
        raise NotTaken(error.code, str(error)) from error


def _access(camera: CameraSpec) -> tuple[str, str, str]:
    return camera.onvif_url, camera.username, camera.password


def _distance(one: Position, other: Position) -> float:
    return max(abs(one.pan - other.pan), abs(one.tilt - other.tilt), abs(one.zoom - other.zoom))
