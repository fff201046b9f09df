"""A mount: one camera's clip, played to all its viewers on one shared RTP timeline."""

import asyncio
import secrets
import struct
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Literal, Protocol

from hil_tests.rig.rtsp.clip import CLOCK_HZ, AccessUnit, Clip
from hil_tests.rig.rtsp.sdp import PAYLOAD_TYPE

MountState = Literal["live", "frozen", "stopped"]

LAG_LIMIT_S = 2.0  # later than this, the mount jumps to the present instead of catching up
BEHIND_LIMIT_S = 30.0  # a viewer that takes nothing for so long is cut off

_RTP_HEADER = struct.Struct(">BBHII")
_FRAME_HEADER = struct.Struct(">BBH")


class PackedUnit:
    """The RTP packets of one access unit, framed for interleaved sending at most once per channel."""

    def __init__(self, packets: Sequence[bytes], *, is_key: bool) -> None:
        self.packets = packets
        self.is_key = is_key
        self._framed: dict[int, bytes] = {}

    def interleaved(self, channel: int) -> bytes:
        """Return all packets as RFC 2326 §10.12 frames of `channel`."""
        framed = self._framed.get(channel)
        if framed is None:
            pieces: list[bytes] = []
            for packet in self.packets:
                pieces += (_FRAME_HEADER.pack(0x24, channel, len(packet)), packet)
            framed = self._framed[channel] = b"".join(pieces)
        return framed


class Viewer(Protocol):
    """Where a mount sends its packets."""

    def has_room(self) -> bool:
        """Tell whether one more access unit may be queued for this viewer."""

    def send(self, unit: PackedUnit) -> None:
        """Queue `unit` without waiting."""

    def abort(self) -> None:
        """Cut the viewer's connection at once."""


@dataclass(kw_only=True)
class Seat:
    """A viewer at a mount. `dropped_units` counts what it was too slow to take."""

    viewer: Viewer
    needs_key: bool = True
    dropped_units: int = 0
    behind_since_s: float | None = None


@dataclass(frozen=True, kw_only=True)
class MountFigures:
    """What a mount has done so far."""

    state: MountState
    viewers: int
    sent_units: int
    dropped_units: int
    started_at: datetime
    loop_s: float


@dataclass(kw_only=True)
class Mount:
    """One camera. Start `play_forever` in a task; all other methods are called in the same event loop."""

    name: str
    clip: Clip
    state: MountState = "live"
    connections: set[asyncio.WriteTransport] = field(default_factory=set)
    _seats: dict[Viewer, Seat] = field(default_factory=dict)
    _cursor: int = 0  # units since the start, over all rounds
    _started_s: float = 0.0  # on the event loop's clock
    _sequence: int = field(default_factory=lambda: secrets.randbits(16))
    _first_ticks: int = field(default_factory=lambda: secrets.randbits(32))
    _ssrc: int = field(default_factory=lambda: secrets.randbits(32))
    _sent_units: int = 0
    _dropped_units: int = 0

    def figures(self) -> MountFigures:
        """Return the counts, and the wall-clock time at which round 0 began."""
        age = timedelta(seconds=asyncio.get_running_loop().time() - self._started_s)
        return MountFigures(
            state=self.state,
            viewers=len(self._seats),
            sent_units=self._sent_units,
            dropped_units=self._dropped_units,
            started_at=datetime.now(UTC) - age,
            loop_s=self.clip.loop_s,
        )

    def admit(self, viewer: Viewer) -> None:
        """Send to `viewer` from the next key unit on."""
        self._seats[viewer] = Seat(viewer=viewer)

    def dismiss(self, viewer: Viewer) -> None:
        """Send no more to `viewer`; nothing happens when it is not here."""
        self._seats.pop(viewer, None)

    def next_key(self) -> tuple[int, int]:
        """Return RTP sequence number and timestamp of the next key unit, if nothing is held back until then."""
        cursor, sequence = self._cursor, self._sequence
        while not (unit := self._unit(cursor)).is_key:
            sequence += len(unit.payloads)
            cursor += 1
        return sequence & 0xFFFF, self._timestamp(cursor)

    def turn(self, state: MountState) -> None:
        """Switch to `state`; stopping also cuts every connection, as a camera that lost its power does."""
        self.state = state
        if state == "stopped":
            self.cut_connections()

    def cut_connections(self) -> int:
        """Abort every connection to this camera and return how many there were."""
        cut = tuple(self.connections)
        for transport in cut:
            transport.abort()
        return len(cut)

    async def play_forever(self) -> None:
        """Send every unit at its time, round after round, until cancelled."""
        loop = asyncio.get_running_loop()
        self._started_s = loop.time()
        while True:
            wait_s = self._due_s(self._cursor) - loop.time()
            if wait_s < -LAG_LIMIT_S:
                self._jump(loop.time())
                continue
            if wait_s > 0:
                await asyncio.sleep(wait_s)
            elif self._cursor % 16 == 0:
                await asyncio.sleep(0)  # late: catch up without starving the others
            self._play(loop.time())
            self._cursor += 1

    def _play(self, now_s: float) -> None:
        unit = self._unit(self._cursor)
        if self.state != "live":
            for seat in self._seats.values():
                seat.needs_key = True
            return
        if self._seats:
            packed = self._pack(unit)
            for seat in tuple(self._seats.values()):
                self._offer(seat, packed, now_s)
        self._sequence += len(unit.payloads)
        self._sent_units += 1

    def _offer(self, seat: Seat, unit: PackedUnit, now_s: float) -> None:
        if seat.needs_key and not unit.is_key and seat.behind_since_s is None:
            return
        if not seat.viewer.has_room() or (seat.needs_key and not unit.is_key):
            seat.needs_key = True
            seat.dropped_units += 1
            self._dropped_units += 1
            seat.behind_since_s = now_s if seat.behind_since_s is None else seat.behind_since_s
            if now_s - seat.behind_since_s > BEHIND_LIMIT_S:
                seat.viewer.abort()
            return
        seat.needs_key = False
        seat.behind_since_s = None
        seat.viewer.send(unit)

    def _pack(self, unit: AccessUnit) -> PackedUnit:
        timestamp = self._timestamp(self._cursor)
        last = len(unit.payloads) - 1
        packets = [
            _RTP_HEADER.pack(
                0x80,
                PAYLOAD_TYPE | (0x80 if number == last else 0),
                (self._sequence + number) & 0xFFFF,
                timestamp,
                self._ssrc,
            )
            + payload
            for number, payload in enumerate(unit.payloads)
        ]
        return PackedUnit(packets, is_key=unit.is_key)

    def _unit(self, cursor: int) -> AccessUnit:
        return self.clip.units[cursor % len(self.clip.units)]

    def _timestamp(self, cursor: int) -> int:
        rounds = cursor // len(self.clip.units)
        ticks = self._first_ticks + rounds * self.clip.loop_ticks + self._unit(cursor).shown_at_ticks
        return ticks & 0xFFFFFFFF

    def _due_s(self, cursor: int) -> float:
        rounds = cursor // len(self.clip.units)
        ticks = rounds * self.clip.loop_ticks + self._unit(cursor).sent_at_ticks
        return self._started_s + ticks / CLOCK_HZ

    def _jump(self, now_s: float) -> None:
        """Go to the first unit that is not late, and let every viewer wait for a key unit."""
        while self._due_s(self._cursor) < now_s:
            self._cursor += 1
        for seat in self._seats.values():
            seat.needs_key = True
