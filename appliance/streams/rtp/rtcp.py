"""RTCP (RFC 3550 §6): sender reports in, receiver reports out."""

import struct
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from appliance.streams.access_unit import CLOCK_HZ

_SENDER_REPORT = 200
_RECEIVER_REPORT = 201
_SOURCE_DESCRIPTION = 202
_GOODBYE = 203
_PACKETS_LIMIT = 32  # of one compound
_SENDER = struct.Struct(">IIII")
_REPORT = struct.Struct(">BBHIIBBHIIII")
_NTP_EPOCH = datetime(1900, 1, 1, tzinfo=UTC)
_ERA = timedelta(seconds=1 << 32)
_OLDEST = datetime(1968, 1, 20, tzinfo=UTC)  # earlier seconds are those of the era that begins in 2036


@dataclass(frozen=True, kw_only=True)
class SenderReport:
    """What a camera says of its clock: at `ntp` (64 bit) its RTP time was `rtp_time` (32 bit)."""

    source: int
    ntp: int
    rtp_time: int

    @property
    def at(self) -> datetime:
        """The camera's wall clock; right only if somebody has set it."""
        seconds, fraction = self.ntp >> 32, self.ntp & 0xFFFFFFFF
        moment = _NTP_EPOCH + timedelta(seconds=seconds, microseconds=fraction * 1_000_000 >> 32)
        return moment if moment >= _OLDEST else moment + _ERA


@dataclass(frozen=True, kw_only=True)
class Heard:
    """What one RTCP datagram said that matters here."""

    report: SenderReport | None = None
    goodbye: bool = False


def read_rtcp(packet: memoryview) -> Heard:
    """Return what a compound RTCP packet says; anything malformed says nothing."""
    report: SenderReport | None = None
    goodbye = False
    for _ in range(_PACKETS_LIMIT):
        if len(packet) < 4 or packet[0] >> 6 != 2:
            break
        size = 4 * ((packet[2] << 8 | packet[3]) + 1)
        if size > len(packet):
            break
        if packet[1] == _SENDER_REPORT and size >= 28:
            source, high, low, rtp_time = _SENDER.unpack_from(packet, 4)
            report = SenderReport(source=source, ntp=high << 32 | low, rtp_time=rtp_time)
        elif packet[1] == _GOODBYE:
            goodbye = True
        packet = packet[size:]
    return Heard(report=report, goodbye=goodbye)


@dataclass(frozen=True, kw_only=True)
class Reception:
    """What a receiver report tells the camera of the packets of `source`."""

    source: int
    fraction_lost: int  # in 256ths
    lost: int
    highest: int  # extended sequence number
    last_report_ntp: int = 0
    since_report_s: float = 0.0


def receiver_report(own_source: int, reception: Reception) -> bytes:
    """Return a receiver report with the source description that every compound needs."""
    report = _REPORT.pack(
        0x81,
        _RECEIVER_REPORT,
        7,
        own_source,
        reception.source,
        reception.fraction_lost,
        *divmod(min(reception.lost, 0x7FFFFF), 1 << 16),
        reception.highest & 0xFFFFFFFF,
        0,  # jitter is not measured: nothing here plays in time with the camera
        reception.last_report_ntp >> 16 & 0xFFFFFFFF,
        min(int(reception.since_report_s * 65536), 0xFFFFFFFF) if reception.last_report_ntp else 0,
    )
    name = b"fengsui"
    items = struct.pack(">IBB", own_source, 1, len(name)) + name + b"\0"
    items += bytes(-len(items) % 4)
    return report + struct.pack(">BBH", 0x81, _SOURCE_DESCRIPTION, len(items) // 4) + items


class SenderClock:
    """The camera's wall clock, as its sender reports tell it."""

    def __init__(self) -> None:
        """Start without a report."""
        self.newest: SenderReport | None = None
        self.heard_s = 0.0
        self._at: datetime | None = None  # what the newest report says, and the unwrapped RTP time of that
        self._time = 0

    def take(self, report: SenderReport, *, raw_time: int, time: int, now_s: float) -> None:
        """Adopt a report; `raw_time` and `time` are those of the newest packet, wrapped and unwrapped."""
        step = (report.rtp_time - raw_time) & 0xFFFFFFFF
        self._time = time + (step if step < 1 << 31 else step - (1 << 32))
        self.newest, self.heard_s, self._at = report, now_s, report.at

    def at(self, time: int) -> datetime | None:
        """Return the wall clock of an unwrapped RTP time, None while the camera has told nothing."""
        if self._at is None:
            return None
        try:
            return self._at + timedelta(seconds=(time - self._time) / CLOCK_HZ)
        except OverflowError:
            return None
