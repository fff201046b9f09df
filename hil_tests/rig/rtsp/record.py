"""A camera's own record: what its timeline has shown, played again for who asks for a stretch of the past.

As ONVIF cameras play it: each picture's first packet tells by an extension of its header when it was recorded.
"""

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from hil_tests.rig.errors import RequestError
from hil_tests.rig.rtsp.clip import CLOCK_HZ
from hil_tests.rig.rtsp.sdp import PAYLOAD_TYPE
from hil_tests.rig.rtsp.timeline import NTP_EPOCH, PackedUnit, Timeline

RECORD = "record"
"""Below the address of a camera, this is where its record is played."""

_RANGE = re.compile(r"clock=(\d{8}T\d{6}(?:\.\d{1,6})?Z)-(\d{8}T\d{6}(?:\.\d{1,6})?Z)")
_HEAD = struct.Struct(">BBHII")
_EXTENSION = struct.Struct(">HHIIBBH")
_SOURCE = 0x0F0F0F0F


@dataclass(frozen=True, kw_only=True)
class Asked:
    """A stretch of the past."""

    start: datetime
    end: datetime

    @classmethod
    def of(cls, header: str) -> "Asked":
        """Read the Range of PLAY; raise RequestError for another."""
        found = _RANGE.fullmatch(header)
        if found is None:
            raise RequestError(400, "the range is no stretch of the clock")
        start, end = (_moment(text) for text in found.groups())
        return cls(start=start, end=end)


def replayed(timeline: Timeline, asked: Asked) -> Iterator[PackedUnit]:
    """Yield what was shown in a stretch of time, from the key picture at or before its start on."""
    now = datetime.now(UTC)
    began, end = timeline.started_at, min(asked.end, now)
    cursor = _key_before(timeline, (asked.start - began).total_seconds())
    sequence = 1
    while (at := began + timedelta(seconds=_seconds(timeline, cursor))) < end:
        unit = timeline.clip.units[cursor % len(timeline.clip.units)]
        shown = round(_seconds(timeline, cursor) * CLOCK_HZ) & 0xFFFFFFFF
        last = len(unit.payloads) - 1
        packets = []
        for number, payload in enumerate(unit.payloads):
            kind = PAYLOAD_TYPE | (0x80 if number == last else 0)
            first = number == 0
            head = _HEAD.pack(0x90 if first else 0x80, kind, sequence & 0xFFFF, shown, _SOURCE)
            packets.append(head + (_stamp(at, key=unit.is_key) if first else b"") + payload)
            sequence += 1
        yield PackedUnit(packets, is_key=unit.is_key)
        cursor += 1


def _key_before(timeline: Timeline, elapsed_s: float) -> int:
    units = timeline.clip.units
    rounds = max(0, int(elapsed_s / timeline.clip.loop_s))
    cursor = rounds * len(units)
    key = cursor
    while _seconds(timeline, cursor) <= elapsed_s:
        if units[cursor % len(units)].is_key:
            key = cursor
        cursor += 1
    return key


def _seconds(timeline: Timeline, cursor: int) -> float:
    """Return when a unit was sent, in seconds since round 0 began."""
    rounds, place = divmod(cursor, len(timeline.clip.units))
    return (rounds * timeline.clip.loop_ticks + timeline.clip.units[place].sent_at_ticks) / CLOCK_HZ


def _stamp(at: datetime, *, key: bool) -> bytes:
    since = at - NTP_EPOCH
    fraction = (since.microseconds << 32) // 1_000_000
    return _EXTENSION.pack(0xABAC, 3, (since.days * 86400 + since.seconds) & 0xFFFFFFFF, fraction, key << 7, 0, 0)


def _moment(text: str) -> datetime:
    form = "%Y%m%dT%H%M%S.%fZ" if "." in text else "%Y%m%dT%H%M%SZ"
    return datetime.strptime(text, form).replace(tzinfo=UTC)
