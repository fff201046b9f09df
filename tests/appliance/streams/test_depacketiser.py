"""RTP packets to access units: every way of packing, every kind of damage."""

import struct
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.streams.access_unit import Codec
from appliance.streams.rtp.depacketiser import ACCESS_UNIT_LIMIT_BYTES, START_CODE, Depacketiser, Unit
from appliance.streams.rtp.nal import PictureSize, picture_size

SPS, PPS = b"\x67\x42\x00\x1e", b"\x68\xce\x31"
KEY, DELTA = b"\x65" + bytes(range(1, 250)) * 20, b"\x41" + b"\x09" * 300
VPS5, SPS5, PPS5 = b"\x40\x01\x0c", b"\x42\x01\x01", b"\x44\x01\xc1"
KEY5, DELTA5 = b"\x26\x01" + bytes(range(1, 250)) * 20, b"\x02\x01" + b"\x09" * 300


class Packets:
    """Numbers and times packets as a camera does."""

    def __init__(self, *, sequence: int = 65530) -> None:
        self.sequence = sequence

    def packet(self, payload: bytes, *, at: int, marker: bool = False) -> bytes:
        head = struct.pack(">BBHII", 0x80, 96 | marker << 7, self.sequence & 0xFFFF, at & 0xFFFFFFFF, 7)
        self.sequence += 1
        return head + payload

    def picture(self, payloads: list[bytes], *, at: int) -> list[bytes]:
        return [self.packet(item, at=at, marker=item is payloads[-1]) for item in payloads]


def fragments(codec: Codec, nal: bytes, size: int = 1000) -> list[bytes]:
    if codec == "h264":
        head, kind, body = bytes([nal[0] & 0xE0 | 28]), nal[0] & 0x1F, nal[1:]
    else:
        head, kind, body = bytes([nal[0] & 0x81 | 49 << 1, nal[1]]), nal[0] >> 1 & 0x3F, nal[2:]
    starts = range(0, len(body), size)
    ends = {0: 0x80, starts[-1]: 0x40}
    return [head + bytes([ends.get(start, 0) | kind]) + body[start : start + size] for start in starts]


def aggregate(codec: Codec, nals: list[bytes]) -> bytes:
    head = b"\x18" if codec == "h264" else bytes([48 << 1, 1])
    return head + b"".join(struct.pack(">H", len(nal)) + nal for nal in nals)


def fed(depacketiser: Depacketiser, packets: list[bytes]) -> list[Unit]:
    return [unit for packet in packets for unit in depacketiser.feed(memoryview(packet))]


def annex_b(*nals: bytes) -> bytes:
    return b"".join(START_CODE + nal for nal in nals)


@pytest.mark.parametrize(
    ("codec", "sets", "key"), [("h264", [SPS, PPS], KEY), ("h265", [VPS5, SPS5, PPS5], KEY5)], ids=["h264", "h265"]
)
def test_aggregates_and_fragments_make_one_key_access_unit(codec: Codec, sets: list[bytes], key: bytes) -> None:
    payloads = [aggregate(codec, sets), *fragments(codec, key)]

    (unit,) = fed(Depacketiser(codec), Packets().picture(payloads, at=4_294_967_000))

    assert unit.key
    assert unit.payload == annex_b(*sets, key)
    assert unit.rtp_time == 4_294_967_000


@pytest.mark.parametrize(
    ("codec", "sets", "key"), [("h264", (SPS, PPS), KEY), ("h265", (VPS5, SPS5, PPS5), KEY5)], ids=["h264", "h265"]
)
def test_sets_of_the_description_stand_before_a_key_frame_without_its_own(
    codec: Codec, sets: tuple[bytes, ...], key: bytes
) -> None:
    (unit,) = fed(Depacketiser(codec, sets), Packets().picture(fragments(codec, key), at=0))

    assert unit.payload == annex_b(*sets, key)


def test_sets_of_the_stream_replace_those_of_the_description() -> None:
    depacketiser = Depacketiser("h264", (b"\x67old", b"\x68old"))
    packets = Packets()

    first = fed(depacketiser, [*packets.picture([SPS], at=0), *packets.picture([PPS], at=0)])
    (unit,) = fed(depacketiser, packets.picture([KEY], at=0))

    assert first == []
    assert unit.payload == annex_b(SPS, PPS, KEY)


def test_a_new_time_ends_an_access_unit_whose_marker_is_missing() -> None:
    packets = Packets()
    sent = [packets.packet(SPS, at=0), packets.packet(KEY, at=0), packets.packet(DELTA, at=3600, marker=True)]

    units = fed(Depacketiser("h264", keep_all=True), sent)

    assert [(unit.key, unit.rtp_time) for unit in units] == [(True, 0), (False, 3600)]
    assert units[1].payload == annex_b(DELTA)


def test_only_key_frames_are_kept_unless_all_are_wanted() -> None:
    packets = Packets()
    sent = packets.picture([SPS, KEY], at=0) + packets.picture(fragments("h264", DELTA, 100), at=3600)

    units = fed(Depacketiser("h264"), sent)

    assert [bool(unit.payload) for unit in units] == [True, False]
    assert units[1].size_bytes > len(DELTA)


def test_after_a_lost_packet_nothing_comes_until_the_next_key_frame() -> None:
    depacketiser, packets = Depacketiser("h264", keep_all=True), Packets()
    fed(depacketiser, packets.picture([SPS, KEY], at=0))
    torn = packets.picture(fragments("h264", KEY), at=3600)
    del torn[1]
    after = packets.picture([DELTA], at=7200)
    key = packets.picture([KEY], at=10800)

    units = fed(depacketiser, torn + after + key)

    assert [bool(unit.payload) for unit in units] == [False, False, True]
    assert depacketiser.damaged == 1


def test_times_go_on_where_32_bits_end() -> None:
    packets = Packets()
    sent = packets.picture([SPS, KEY], at=2**32 - 3600) + packets.picture([KEY], at=2**32 + 3600)

    times = [unit.rtp_time for unit in fed(Depacketiser("h264"), sent)]

    assert times == [2**32 - 3600, 2**32 + 3600]


def test_an_endless_access_unit_is_dropped_and_takes_no_more_memory() -> None:
    depacketiser, packets = Depacketiser("h264"), Packets()
    piece = bytes([0x65]) + bytes(60_000)
    for _ in range(2 * ACCESS_UNIT_LIMIT_BYTES // len(piece)):
        assert depacketiser.feed(memoryview(packets.packet(piece, at=0))) == ()

    (unit,) = fed(depacketiser, [packets.packet(piece, at=0, marker=True)])

    assert unit.payload == b""


def hostile() -> Iterator[st.SearchStrategy[bytes]]:
    yield st.binary(max_size=80)
    head = st.sampled_from([b"\x80\x60", b"\x80\xe0", b"\xb0\xe0", b"\x8f\x60"])
    yield st.builds(
        lambda start, number, time, body: start + struct.pack(">HII", number, time, 7) + body,
        head,
        st.integers(0, 3),
        st.integers(0, 2),
        st.binary(max_size=40),
    )


@given(st.sampled_from(["h264", "h265"]), st.lists(st.one_of(*hostile()), max_size=30))
def test_no_packets_raise(codec: Codec, packets: list[bytes]) -> None:
    depacketiser = Depacketiser(codec, keep_all=True)

    for unit in fed(depacketiser, packets):
        assert unit.rtp_time >= 0


@given(st.sampled_from(["h264", "h265"]), st.binary(max_size=100))
def test_any_parameter_set_has_a_size_or_none(codec: Codec, content: bytes) -> None:
    size = picture_size(codec, content)

    assert size == PictureSize.none() or (size.width_px > 0 and size.height_px > 0)
