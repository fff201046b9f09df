"""The times of replayed pictures, out of packets from strangers."""

from datetime import UTC, datetime, timedelta, timezone

from hypothesis import given
from hypothesis import strategies as st

from appliance.streams.rtp.depacketiser import Depacketiser, Unit
from appliance.streams.rtsp.replay import NTP_EPOCH, Stamped, Stretch

AT = datetime(2026, 3, 1, 12, 0, 0, 250_000, tzinfo=UTC)


def packet(extension: bytes, *, ticks: int = 4711) -> bytes:
    """Return an RTP packet with one NAL unit and the marker."""
    return b"\x90\xe0\x00\x01" + ticks.to_bytes(4) + b"\x00\x00\x00\x07" + extension + b"\x65picture"


def stamp(at: datetime) -> bytes:
    since = at - NTP_EPOCH
    seconds, fraction = since.days * 86400 + since.seconds, (since.microseconds << 32) // 1_000_000
    return b"\xab\xac\x00\x03" + seconds.to_bytes(4) + fraction.to_bytes(4) + bytes(4)


def stamped(content: bytes) -> tuple[Stamped, list[Unit]]:
    units: list[Unit] = []
    made = Stamped(Depacketiser("h264", take=units.append, keep_all=True))
    made.feed(memoryview(content), 0, len(content))
    return made, units


def test_a_picture_is_as_old_as_the_camera_says() -> None:
    made, units = stamped(packet(stamp(AT)))

    assert [unit.rtp_time for unit in units] == [4711]
    assert abs((made.at(4711) or NTP_EPOCH) - AT) < timedelta(microseconds=2)
    assert made.at(4711 + (1 << 32)) == made.at(4711)
    assert made.at(4712) is None


@given(st.binary(max_size=80))
def test_no_packet_breaks_it(content: bytes) -> None:
    stamped(content)
    stamped(packet(content))


def test_a_stretch_is_asked_for_in_utc() -> None:
    here = timezone(timedelta(hours=8))
    stretch = Stretch(start=AT.astimezone(here), end=AT + timedelta(seconds=90))

    assert dict(stretch.headers) == {
        "Require": "onvif-replay",
        "Range": "clock=20260301T120000.250Z-20260301T120130.250Z",
        "Rate-Control": "no",
    }
