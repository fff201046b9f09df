"""One camera: pulled once, for ever, however many consumers it has."""

import asyncio
import random
import time
from collections.abc import Callable
from datetime import UTC, datetime

from appliance.streams.access_unit import AccessUnit, CodecParameters
from appliance.streams.errors import Refused, Stalled, StreamError, Unreachable
from appliance.streams.feeds import Feed
from appliance.streams.health import Health
from appliance.streams.rtp.depacketiser import Depacketiser, Unit
from appliance.streams.rtp.nal import codec_parameters
from appliance.streams.rtsp.auth import Credentials
from appliance.streams.rtsp.connection import Connection, connected
from appliance.streams.rtsp.sdp import VideoTrack
from federation.messages import CameraSpec, CameraState

STALL_S = 5.0
SHORTEST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 2.0  # a camera that is back is pulled again soon
LONGEST_PAUSE_AFTER_REFUSAL_S = 30.0  # cameras lock out who repeats a wrong password
TICK_S = 0.5


def pause_s(failures: int, jitter: float, *, refused: bool) -> float:
    """Return the pause after `failures` failures in a row, in seconds; `jitter` is 0 to 1."""
    longest = LONGEST_PAUSE_AFTER_REFUSAL_S if refused else LONGEST_PAUSE_S
    doubled = min(SHORTEST_PAUSE_S * 2.0 ** min(failures - 1, 16), longest)
    return doubled * (0.75 + 0.25 * jitter)


class Camera:
    """Pulls one camera into its feed; `changed` is told of new states."""

    def __init__(
        self,
        spec: CameraSpec,
        *,
        feed: Feed,
        changed: Callable[[], None],
    ) -> None:
        """Prepare; `run` pulls."""
        self.spec = spec
        self.health = Health(point_id=spec.point_id)
        self._feed = feed
        self._changed = changed
        self._session = 0
        self._sequence = 0
        self._arrived_at = 0.0
        self._depacketiser: Depacketiser | None = None
        self._parameters = CodecParameters(codec="h264")

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
        self._parameters = codec_parameters(track.codec, track.parameter_sets)
        self._depacketiser = Depacketiser(track.codec, track.parameter_sets, keep_all=self._feed.wants_all)

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
            self._unit(unit, self._depacketiser)

    def _unit(self, unit: Unit, depacketiser: Depacketiser) -> None:
        now = time.monotonic()
        self._arrived_at = now
        self._sequence += 1
        self.health.saw(at=now, size_bytes=unit.size_bytes, key=unit.key)
        if unit.key:
            self._follow_parameters(depacketiser.parameter_sets)
        depacketiser.keep_all = self._feed.wants_all
        self._became(CameraState.LIVE)
        if unit.payload:
            self._feed.send(
                AccessUnit(
                    point_id=self.spec.point_id,
                    parameters=self._parameters,
                    session=self._session,
                    sequence=self._sequence,
                    key=unit.key,
                    pts=unit.rtp_time,
                    payload=unit.payload,
                    arrived_s=now,
                    arrived_at=datetime.now(UTC),
                )
            )

    def _follow_parameters(self, sets: tuple[bytes, ...]) -> None:
        if sets != self._parameters.sets:
            self._parameters = codec_parameters(self._parameters.codec, sets)
        self.health.width_px, self.health.height_px = self._parameters.width_px, self._parameters.height_px

    def _became(self, state: CameraState, reason: str = "") -> None:
        if self.health.became(state, reason):
            self._changed()


def _state_of(error: StreamError) -> CameraState:
    if isinstance(error, Refused):
        return CameraState.REFUSED
    if isinstance(error, Unreachable):
        return CameraState.UNREACHABLE
    return CameraState.STALLED
