"""One clip, played in a loop on one RTP timeline for every camera that shows it: packets are packed once for all."""

import asyncio
import secrets
import struct
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Protocol

from hil_tests.rig.rtsp.clip import CLOCK_HZ, AccessUnit, Clip
from hil_tests.rig.rtsp.sdp import PAYLOAD_TYPE

LAG_LIMIT_S = 2.0  # later than this, the timeline jumps to the present instead of catching up
REPORT_EVERY_S = 1.0

_RTP_HEADER = struct.Struct(">BBHII")
_FRAME_HEADER = struct.Struct(">BBH")
_SENDER_REPORT = struct.Struct(">BBHIIIIII")
NTP_EPOCH = datetime(1900, 1, 1, tzinfo=UTC)


class PackedUnit:
    """The RTP packets of one access unit, framed for interleaved sending at most once per channel."""

    def __init__(self, packets: Sequence[bytes], *, is_key: bool) -> None:
        self.packets = packets
        self.is_key = is_key
        self._framed: dict[int, bytes] = {}

    def interleaved(self, channel: int) -> bytes:
        """Return all packets as RFC 2326 §10.12 frames of `channel`."""
        found = self._framed.get(channel)
        if found is None:
            found = self._framed[channel] = b"".join(framed(packet, channel) for packet in self.packets)
        return found


def framed(packet: bytes, channel: int) -> bytes:
    """Return `packet` as an interleaved frame."""
    return _FRAME_HEADER.pack(0x24, channel, len(packet)) + packet


class Audience(Protocol):
    """A camera that shows a timeline."""

    @property
    def is_watched(self) -> bool:
        """Tell whether anybody would get what is played now."""

    def take(self, unit: PackedUnit, now_s: float) -> None:
        """Send one access unit on."""

    def skip(self) -> None:
        """Note that units are missing."""

    def report(self, packet: bytes) -> None:
        """Send a sender report on."""


@dataclass(kw_only=True)
class Timeline:
    """A clip on air. Start `play_forever` in a task; all other methods are called in the same event loop."""

    clip: Clip
    phase_s: float = 0.0  # so much of the clip has been shown when it starts
    played_units: int = 0
    _audience: list[Audience] = field(default_factory=list)
    _cursor: int = 0  # units since the start, over all rounds
    _started_s: float = 0.0  # on the event loop's clock
    _sequence: int = field(default_factory=lambda: secrets.randbits(16))
    _first_ticks: int = field(default_factory=lambda: secrets.randbits(32))
    _source: int = field(default_factory=lambda: secrets.randbits(32))

    @property
    def started_at(self) -> datetime:
        """Wall-clock time at which round 0 began."""
        return datetime.now(UTC) - timedelta(seconds=asyncio.get_running_loop().time() - self._started_s)

    def join(self, audience: Audience) -> None:
        """Show every unit to `audience` from now on."""
        self._audience.append(audience)

    def leave(self, audience: Audience) -> None:
        """Show nothing more to `audience`."""
        if audience in self._audience:
            self._audience.remove(audience)

    def next_key(self) -> tuple[int, int]:
        """Return RTP sequence number and timestamp of the next key unit, if nothing is held back until then."""
        cursor, sequence = self._cursor, self._sequence
        while not (unit := self._unit(cursor)).is_key:
            sequence += len(unit.payloads)
            cursor += 1
        return sequence & 0xFFFF, self._timestamp(cursor)

    async def play_forever(self) -> None:
        """Play every unit at its time, round after round, until cancelled."""
        loop = asyncio.get_running_loop()
        report_s = began_s = loop.time()
        self._started_s = began_s - self.phase_s
        self._jump(began_s)
        while True:
            wait_s = self._due_s(self._cursor) - loop.time()
            if wait_s < -LAG_LIMIT_S:
                self._jump(loop.time())
                continue
            if wait_s > 0:
                await asyncio.sleep(wait_s)
            elif self._cursor % 16 == 0:
                await asyncio.sleep(0)  # late: catch up without starving the others
            if loop.time() >= report_s:
                report_s = loop.time() + REPORT_EVERY_S
                self._report()
            self._play(loop.time())
            self._cursor += 1

    def _play(self, now_s: float) -> None:
        unit = self._unit(self._cursor)
        watched = [audience for audience in self._audience if audience.is_watched]
        if watched:
            packed = self._pack(unit)
            for audience in watched:
                audience.take(packed, now_s)
        self._sequence += len(unit.payloads)
        self.played_units += 1

    def _report(self) -> None:
        elapsed = datetime.now(UTC) - NTP_EPOCH
        seconds = elapsed.days * 86400 + elapsed.seconds
        packet = _SENDER_REPORT.pack(
            0x80,
            200,
            6,
            self._source,
            seconds & 0xFFFFFFFF,
            (elapsed.microseconds << 32) // 1_000_000,
            self._timestamp(self._cursor),
            self._sequence & 0xFFFFFFFF,
            0,
        )
        for audience in self._audience:
            audience.report(packet)

    def _pack(self, unit: AccessUnit) -> PackedUnit:
        timestamp = self._timestamp(self._cursor)
        last = len(unit.payloads) - 1
        packets = [
            _RTP_HEADER.pack(
                0x80,
                PAYLOAD_TYPE | (0x80 if number == last else 0),
                (self._sequence + number) & 0xFFFF,
                timestamp,
                self._source,
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
        for audience in self._audience:
            audience.skip()
