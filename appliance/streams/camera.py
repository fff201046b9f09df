"""One camera: pulled once, for ever, however many consumers it has."""

import asyncio
import random
import time
from collections.abc import Callable
from dataclasses import dataclass

from appliance.streams.errors import Refused, Stalled, StreamError, Unreachable
from appliance.streams.health import Health
from appliance.streams.rtp.depacketiser import Depacketiser, Unit
from appliance.streams.rtp.nal import picture_size
from appliance.streams.rtsp.auth import Credentials
from appliance.streams.rtsp.connection import Connection, connected
from appliance.streams.rtsp.sdp import Codec, VideoTrack
from federation.messages import CameraSpec, CameraState

STALL_S = 5.0
SHORTEST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 2.0  # a camera that is back is pulled again soon
LONGEST_PAUSE_AFTER_REFUSAL_S = 30.0  # cameras lock out who repeats a wrong password
TICK_S = 0.5


@dataclass(frozen=True, kw_only=True)
class Arrived:
    """One access unit of a camera; `session` grows with every connection."""

    point_id: str
    codec: Codec
    session: int
    sequence: int
    unit: Unit


def pause_s(failures: int, jitter: float, *, refused: bool) -> float:
    """Return the pause after `failures` failures in a row, in seconds; `jitter` is 0 to 1."""
    longest = LONGEST_PAUSE_AFTER_REFUSAL_S if refused else LONGEST_PAUSE_S
    doubled = min(SHORTEST_PAUSE_S * 2.0 ** min(failures - 1, 16), longest)
    return doubled * (0.75 + 0.25 * jitter)


class Camera:
    """Pulls one camera. `take` gets every access unit on the event loop; `changed` new states."""

    def __init__(
        self,
        spec: CameraSpec,
        *,
        take: Callable[[Arrived], None],
        changed: Callable[[], None],
    ) -> None:
        """Prepare; `run` pulls."""
        self.spec = spec
        self.health = Health(point_id=spec.point_id)
        self._take = take
        self._changed = changed
        self._session = 0
        self._sequence = 0
        self._arrived_at = 0.0
        self._depacketiser: Depacketiser | None = None
        self._codec: Codec = "h264"

    async def run(self) -> None:
        """Pull until cancelled, with growing pauses after failures in a row."""
        failures = 0
        while True:
            self._session += 1
            before = self._sequence
            try:
                await self._pull()
            except StreamError as error:
                self._became(_state_of(error), error.reason)
            failures = 1 if self._sequence > before else failures + 1
            refused = self.health.state is CameraState.REFUSED
            await asyncio.sleep(pause_s(failures, random.random(), refused=refused))  # noqa: S311 - spreads load
            self.health.reconnects += 1

    async def _pull(self) -> None:
        credentials = Credentials(username=self.spec.username, password=self.spec.password)
        self._depacketiser = None
        async with connected(self.spec.url, credentials, self._packet) as connection:
            track = await connection.describe()
            self._prepare(track)
            await connection.play(track)
            self._arrived_at = time.monotonic()
            await self._watch(connection)

    def _prepare(self, track: VideoTrack) -> None:
        self._codec = track.codec
        self._depacketiser = Depacketiser(track.codec, track.parameter_sets, keep_all=True)

    async def _watch(self, connection: Connection) -> None:
        """Keep the session alive; return never, raise StreamError when the stream ends or stalls."""
        alive_at = time.monotonic()
        while True:
            done, _ = await asyncio.wait([connection.ended], timeout=TICK_S)
            if done:
                raise connection.ended.result()
            now = time.monotonic()
            if now - self._arrived_at > STALL_S:
                raise Stalled("no_pictures", f"connected, but no picture for {STALL_S:.0f} s")
            if now - alive_at > connection.session_timeout_s / 2:
                alive_at = now
                await connection.keep_alive()

    def _packet(self, packet: memoryview) -> None:
        if self._depacketiser is None:
            return
        for unit in self._depacketiser.feed(packet):
            self._unit(unit)

    def _unit(self, unit: Unit) -> None:
        now = time.monotonic()
        self._arrived_at = now
        self._sequence += 1
        self.health.saw(at=now, size_bytes=unit.size_bytes, key=unit.key)
        if unit.key and self._depacketiser is not None and not self.health.width_px:
            size = picture_size(self._codec, self._depacketiser.sequence_parameter_set)
            self.health.width_px, self.health.height_px = size.width_px, size.height_px
        self._became(CameraState.LIVE)
        if unit.payload:
            self._take(
                Arrived(
                    point_id=self.spec.point_id,
                    codec=self._codec,
                    session=self._session,
                    sequence=self._sequence,
                    unit=unit,
                )
            )

    def _became(self, state: CameraState, reason: str = "") -> None:
        if self.health.became(state, reason):
            self._changed()


def _state_of(error: StreamError) -> CameraState:
    if isinstance(error, Refused):
        return CameraState.REFUSED
    if isinstance(error, Unreachable):
        return CameraState.UNREACHABLE
    return CameraState.STALLED
