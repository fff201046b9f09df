"""Replay of what a camera has recorded, as ONVIF plays it by RTSP (Streaming Specification, 6 Playback)."""

import struct
from collections import OrderedDict
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from appliance.streams.rtp.depacketiser import Depacketiser

REQUIRE = ("Require", "onvif-replay")
NTP_EPOCH = datetime(1900, 1, 1, tzinfo=UTC)
EXTENSION = 0xABAC
MOST_MOMENTS = 512  # pictures on their way through the depacketiser are one or two

_HEAD = struct.Struct(">BBHII")
_EXTENSION = struct.Struct(">HHII")


@dataclass(frozen=True, kw_only=True)
class Stretch:
    """What shall be replayed; both ends aware."""

    start: datetime
    end: datetime

    @property
    def headers(self) -> tuple[tuple[str, str], ...]:
        """The headers of PLAY: the stretch, as fast as we take it."""
        clock = f"clock={_clock(self.start)}-{_clock(self.end)}"
        return (REQUIRE, ("Range", clock), ("Rate-Control", "no"))


class Stamped:
    """Takes the packets of a replayed track, and notes when each picture was recorded before passing them on."""

    def __init__(self, depacketiser: Depacketiser) -> None:
        """Pass on to `depacketiser`."""
        self._depacketiser = depacketiser
        self._moments: OrderedDict[int, datetime] = OrderedDict()

    def feed(self, view: memoryview, start: int, stop: int) -> None:
        """Take one packet."""
        self._note(view[start:stop])
        self._depacketiser.feed(view, start, stop)

    def skim(self, view: memoryview, start: int, end: int, channel: int) -> int:
        """Take middle parts of a picture at once: they carry no time of their own."""
        return self._depacketiser.skim(view, start, end, channel)

    def at(self, rtp_time: int) -> datetime | None:
        """Return when the picture of an RTP time was recorded, None if the camera did not say."""
        return self._moments.get(rtp_time & 0xFFFFFFFF)

    def _note(self, packet: memoryview) -> None:
        if len(packet) < _HEAD.size or not packet[0] & 0x10:
            return
        place = _HEAD.size + 4 * (packet[0] & 0x0F)
        if len(packet) < place + _EXTENSION.size:
            return
        kind, words, seconds, fraction = _EXTENSION.unpack_from(packet, place)
        if kind != EXTENSION or words < 2:
            return
        _, _, _, rtp_time, _ = _HEAD.unpack_from(packet)
        self._moments[rtp_time] = NTP_EPOCH + timedelta(seconds=seconds, microseconds=fraction * 1_000_000 >> 32)
        while len(self._moments) > MOST_MOMENTS:
            self._moments.popitem(last=False)


def _clock(at: datetime) -> str:
    """Return a moment as RTSP writes it (RFC 2326 §3.7)."""
    utc = at.astimezone(UTC)
    return f"{utc:%Y%m%dT%H%M%S}.{utc.microsecond // 1000:03d}Z"
