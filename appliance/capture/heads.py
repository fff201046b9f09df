"""Cameras that turn (云台): each is one resource, turned for one picture after the other, and back home when idle.

Home is where a camera looked before it was turned; it is noted in the index, so that a restart finds the way back.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import TypeVar

import aiohttp

from appliance.capture.order import NotTaken
from appliance.capture.views import Spots, ViewBoard, distance
from appliance.onvif import Credentials, Device, DeviceFault, OnvifError, Position, Preset, Turning
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
    """One camera that can be commanded; `home` is None while it looks where it looks by itself.

    `sent_to` is the preset to which it was sent last, at `sent_s`; `turns` counts how often it was turned.
    """

    camera: CameraSpec
    device: Device
    home: Position | None = None
    used_s: float = 0.0
    sent_to: str = ""
    sent_s: float = 0.0
    turns: int = 0
    spots: Spots = field(default_factory=Spots)
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    _profile: str = ""
    _turning: Turning | None = None

    async def still(self) -> bytes:
        """Return a picture that the camera takes by itself, JPEG; raise NotTaken."""
        return await _told(self.device.snapshot(await self.profile()))

    async def presets(self) -> tuple[Preset, ...]:
        """Return the places that the camera remembers; raise NotTaken."""
        return await _told((await self.turning()).presets())

    async def face(self, aim: Aim) -> Position:
        """Turn to `aim` and return where the camera rests, once it does; raise NotTaken."""
        turning = await self.turning()
        if isinstance(aim, PresetAim):
            await self._go_to_preset(turning, aim.preset)
        elif isinstance(aim, PositionAim):
            await _told(turning.move_to(Position(pan=aim.pan, tilt=aim.tilt, zoom=aim.zoom)))
        else:
            await _told(turning.move_by(Position(pan=aim.pan, tilt=aim.tilt, zoom=aim.zoom)))
        return await self._rest(turning)

    async def _go_to_preset(self, turning: Turning, preset: str) -> None:
        """Turn to a preset; a camera that refuses one that it does not know is said to."""
        try:
            await _told(turning.go_to_preset(preset))
        except NotTaken as refused:
            if refused.code == DeviceFault.code and preset not in {each.token for each in await self.presets()}:
                raise NotTaken("unknown_preset", f"the camera remembers no preset {preset!r}") from refused
            raise

    async def look(self) -> tuple[Position, bool]:
        """Return where the camera looks, and whether it is moving; raise NotTaken."""
        return await _told((await self.turning()).position())

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

    async def _rest(self, turning: Turning) -> Position:
        """Return where it is once two looks, one after the other, find the camera at one place and not moving."""
        before: Position | None = None
        try:
            async with asyncio.timeout(RESTS_WITHIN_S):
                while True:
                    await asyncio.sleep(LOOK_EVERY_S)
                    now, moves = await _told(turning.position())
                    if not moves and before is not None and distance(before, now) <= SAME:
                        return now
                    before = now
        except TimeoutError:
            raise NotTaken(
                "does_not_rest", f"the camera was told to turn, and moves on for {RESTS_WITHIN_S:g} s"
            ) from None


@dataclass(kw_only=True)
class Heads:
    """The cameras that can be commanded; `camera` returns the present settings of one, None for one that is gone.

    `keep_home` notes, or with None forgets, where a camera is to go back to; on the board of `views` stands where each
    looks.
    """

    session: aiohttp.ClientSession
    camera: Callable[[str], CameraSpec | None]
    keep_home: Callable[[str, Position | None], Awaitable[None]]
    views: ViewBoard = field(default_factory=ViewBoard)
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

    def known(self, point_id: str) -> Head | None:
        """Return what commands a camera by its present settings, None where nothing does."""
        camera = self.camera(point_id)
        return self.of(camera) if camera is not None and camera.onvif_url else None

    async def presets(self, head: Head) -> tuple[Preset, ...]:
        """Return the places that a camera remembers, and note their names on the board; raise NotTaken."""
        found = await head.presets()
        self.views.call(head.camera.point_id, {each.token: each.name for each in found})
        return found

    def moves(self, head: Head) -> None:
        """Note that a camera is seen to move; one that rested is turned by somebody else."""
        view = self.views.view(head.camera.point_id)
        if view is None or not view.turning:
            head.sent_to = ""
            self.views.turns(head.camera.point_id)

    def rests(self, head: Head, position: Position | None) -> None:
        """Note where a camera has come to rest; None: it does not tell."""
        view = self.views.view(head.camera.point_id)
        if position is None:
            preset, place = head.sent_to, 0 if head.sent_to else head.spots.nowhere()
        else:
            if head.sent_to and view is not None and view.turning:
                head.spots.learnt[head.sent_to] = position
            preset, place = head.spots.named(position, sent_to=head.sent_to)
        self.views.rests(head.camera.point_id, preset, place)

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

    @asynccontextmanager
    async def taken_over(self, camera: CameraSpec, *, preset: str = "") -> AsyncIterator[Turning]:
        """Give what turns a camera for a person, to a preset or elsewhere; raise NotTaken.

        Where it looks then is where it looks by itself.
        """
        head = self.of(camera)
        if head.lock.locked():
            raise NotTaken("in_use", "the camera is being turned for a snapshot; try again in some seconds")
        async with head.lock:
            if head.home is not None:
                await self.keep_home(camera.point_id, None)
                head.home = None
            turning = await head.turning()
        with self._turning(head, preset):
            yield turning

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
        head = self.known(point_id)
        if head is None:
            del self._heads[point_id]
            self.views.forget(point_id)
        return head

    async def _face(self, head: Head, aim: Aim | None) -> bool:
        if aim is None:
            if head.home is None:
                return False
            await self._go_home(head)
            return True
        if isinstance(aim, WayAim):
            await self._go_home(head)  # a way is from where it looks by itself
        if head.home is None:
            home, moves = await head.look()
            if not moves and self.views.view(head.camera.point_id) is None:
                self.rests(head, home)
            await self.keep_home(head.camera.point_id, home)
            head.home = home
        if isinstance(aim, PresetAim):
            await self._learn_names(head)
        await self._turn(head, aim)
        return True

    async def _learn_names(self, head: Head) -> None:
        """Ask once how a camera calls its presets; one that does not tell is not asked again for this."""
        if not self.views.has_names(head.camera.point_id):
            self.views.call(head.camera.point_id, {})
            with contextlib.suppress(NotTaken):
                await self.presets(head)

    async def _turn(self, head: Head, aim: Aim) -> None:
        with self._turning(head, aim.preset if isinstance(aim, PresetAim) else ""):
            self.rests(head, await head.face(aim))

    @contextmanager
    def _turning(self, head: Head, preset: str) -> Iterator[None]:
        """Note that a camera is about to be turned; what comes to nothing has not led to that preset."""
        head.sent_to, head.sent_s, head.turns = preset, time.monotonic(), head.turns + 1
        self.views.turns(head.camera.point_id)
        try:
            yield
        except BaseException:
            head.sent_to = ""
            raise

    async def _let_go(self, head: Head) -> None:
        async with head.lock:
            try:
                await self._go_home(head)
            except NotTaken as why:
                log.warning("camera %s does not go home: %s", head.camera.point_id, why)
                head.used_s = time.monotonic() + 30.0  # it is asked again in a while

    async def _go_home(self, head: Head) -> None:
        if head.home is not None:
            home = head.home
            await self._turn(head, PositionAim(pan=home.pan, tilt=home.tilt, zoom=home.zoom))
            head.home = None
            await self.keep_home(head.camera.point_id, None)


async def _told(asked: Awaitable[Result]) -> Result:
    try:
        return await asked
    except OnvifError as error:
        raise NotTaken(error.code, str(error)) from error


def _access(camera: CameraSpec) -> tuple[str, str, str]:
    return camera.onvif_url, camera.username, camera.password
