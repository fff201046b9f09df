"""Takes one picture of a camera: turns it where that is wanted, and has a key frame of its stream written as JPEG."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from appliance.capture.heads import Heads
from appliance.capture.keyframes import KeyFrames
from appliance.capture.order import NotTaken, Order, Shot
from appliance.errors import ProcessAway
from appliance.local.frames import AccessUnit
from appliance.local.vision_client import VisionClient
from appliance.streams.jpeg import jpeg_size
from federation.messages import Box, CameraReport, CameraSpec, CameraState

LONGEST_GOP_S = 30.0
DECODED_AT_ONCE = 8
"""So many key frames are with the vision process at one time. With more, all would be late there on a slow box, given
up one after the other, and the work on them be lost."""


@dataclass(frozen=True, kw_only=True)
class Photographer:
    """`camera` and `report` return what is known of a point, None for one that is not of this box."""

    key_frames: KeyFrames
    vision: VisionClient
    heads: Heads
    camera: Callable[[str], CameraSpec | None]
    report: Callable[[str], CameraReport | None]
    decoding: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(DECODED_AT_ONCE))

    async def take(self, order: Order) -> Shot:
        """Return the picture that is wanted; raise NotTaken."""
        camera = self.camera(order.point_id)
        if camera is None:
            raise NotTaken("unknown_camera", "there is no such camera on this box")
        fresh = timedelta(seconds=order.fresh_s)
        if order.want.aim is None and not camera.onvif_url:
            return await self._picture(camera, order, since=datetime.now(UTC) - fresh)
        async with self.heads.facing(camera, order.want.aim) as turned:
            if turned:
                fresh = timedelta()
                await asyncio.sleep(order.dwell_s)
            return await self._picture(camera, order, since=datetime.now(UTC) - fresh)

    async def _picture(self, camera: CameraSpec, order: Order, *, since: datetime) -> Shot:
        if camera.still == "onvif":
            content = await self.heads.of(camera).still()
            return await self._shot("mjpeg", content, order, taken_at=datetime.now(UTC))
        unit = await self._key_frame(order, since=since)
        return await self._shot(unit.header.codec, unit.payload, order, taken_at=unit.header.received_at)

    async def _key_frame(self, order: Order, *, since: datetime) -> AccessUnit:
        """Wait for a key frame, for as long as the order says and one more GOP of the camera."""
        report = self.report(order.point_id)
        gop_s = 0.0 if report is None else min(report.gop_s, LONGEST_GOP_S)
        try:
            async with asyncio.timeout(order.within_s + gop_s):
                return await self.key_frames.next(order.point_id, since=since)
        except TimeoutError:
            raise self._why(order) from None

    def _why(self, order: Order) -> NotTaken:
        """Return why no key frame has come: what the camera's health says, if it says anything."""
        report = self.report(order.point_id)
        if report is None or report.state is CameraState.IDLE:
            return NotTaken("process_away", "the process that pulls cameras does not answer; try again")
        if report.state is not CameraState.LIVE and report.reason:
            return NotTaken.because(report.reason)
        if report.state is CameraState.CONNECTING:
            return NotTaken("no_picture", f"the camera has sent no picture within {order.within_s:g} s")
        return NotTaken("no_key_frame", f"pictures arrive, but no key frame within {order.within_s:g} s")

    async def _shot(self, codec: str, payload: bytes, order: Order, *, taken_at: datetime) -> Shot:
        region = order.want.region
        try:
            as_it_came = codec == "mjpeg" and region is None
            content = payload if as_it_came else await self._portrayed(codec, payload, region)
        except ProcessAway as error:
            raise NotTaken("process_away", str(error)) from error
        width_px, height_px = (0, 0) if content is None else jpeg_size(content)
        if content is None or not width_px:
            raise NotTaken("undecodable", "the camera's key frame is damaged and cannot be decoded")
        return Shot(content=content, width_px=width_px, height_px=height_px, taken_at=taken_at)

    async def _portrayed(self, codec: str, payload: bytes, region: Box | None) -> bytes | None:
        async with self.decoding:
            return await self.vision.portray(codec, payload, region)
