"""RTCP: what a camera says of its clock, and what it is told of its packets."""

import struct
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.streams.rtp.rtcp import Reception, SenderClock, SenderReport, read_rtcp, receiver_report

NTP_2026 = 3_976_214_400  # 2026-01-01T00:00:00Z, seconds since 1900


def sender_report(*, source: int = 7, seconds: int = NTP_2026, fraction: int = 0, rtp_time: int = 0) -> bytes:
    return struct.pack(">BBHIIIIII", 0x80, 200, 6, source, seconds, fraction, rtp_time, 10, 1000)


def test_a_sender_report_tells_the_cameras_wall_clock() -> None:
    heard = read_rtcp(memoryview(sender_report(fraction=1 << 31) + struct.pack(">BBHI", 0x81, 202, 1, 7)))

    assert heard.report is not None
    assert heard.report.at == datetime(2026, 1, 1, 0, 0, 0, 500_000, tzinfo=UTC)
    assert not heard.goodbye


def test_the_era_after_2036_is_known() -> None:
    report = SenderReport(source=1, ntp=100 << 32, rtp_time=0)

    assert report.at == datetime(2036, 2, 7, 6, 28, 16, tzinfo=UTC) + timedelta(seconds=100)


def test_a_goodbye_is_heard() -> None:
    assert read_rtcp(memoryview(sender_report() + struct.pack(">BBHI", 0x81, 203, 1, 7))).goodbye


@given(st.one_of(st.binary(max_size=100), st.binary(max_size=40).map(lambda tail: sender_report()[:20] + tail)))
def test_no_bytes_do_harm(packet: bytes) -> None:
    heard = read_rtcp(memoryview(packet))

    assert heard.report is None or heard.report.at.year >= 1968


@pytest.mark.parametrize(("rtp_time", "moved_s"), [(90_000, 1), (0, 0), (2**32 - 90_000, -1)])
def test_times_of_pictures_follow_from_the_newest_report_over_the_wrap(rtp_time: int, moved_s: int) -> None:
    clock = SenderClock()
    assert clock.at(5) is None

    report = SenderReport(source=7, ntp=NTP_2026 << 32, rtp_time=rtp_time)
    clock.take(report, raw_time=0, time=1 << 32, now_s=1.0)

    assert clock.at(1 << 32) == datetime(2026, 1, 1, tzinfo=UTC) - timedelta(seconds=moved_s)


def test_a_receiver_report_stands_as_rfc_3550_has_it() -> None:
    reception = Reception(
        source=7, fraction_lost=64, lost=0x01_02_03, highest=0x0001_FFFE, last_report_ntp=0x1111_2222_3333_4444
    )

    packet = receiver_report(9, reception)

    assert packet[:32] == bytes.fromhex("81c90007 00000009 00000007 40010203 0001fffe 00000000 22223333 00000000")
    assert packet[32:34] == b"\x81\xca"
    assert len(packet) % 4 == 0
    assert read_rtcp(memoryview(packet)).report is None
