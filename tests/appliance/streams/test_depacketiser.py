"""RTP packets to access units: every way of packing, every kind of damage."""

import struct
from collections.abc import Iterator, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.mp4.fragments import nal_bounds
from appliance.streams.access_unit import Codec
from appliance.streams.rtp.depacketiser import ACCESS_UNIT_LIMIT_BYTES, START_CODE, Depacketiser, Unit
from appliance.streams.rtp.nal import PictureSize, picture_size
from appliance.streams.rtsp.messages import Inlet, Parser

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


class Fed:
    """A depacketiser with what it gave."""

    def __init__(self, codec: Codec, sets: Sequence[bytes] = (), *, keep_all: bool = False) -> None:
        self.units: list[Unit] = []
        self.depacketiser = Depacketiser(codec, sets, take=self.units.append, keep_all=keep_all)

    def feed(self, packets: Sequence[bytes]) -> list[Unit]:
        """Feed packets one by one, as datagrams; return what came of them."""
        self.units.clear()
        for packet in packets:
            self.depacketiser.feed(memoryview(packet), 0, len(packet))
        return self._counted()

    def feed_interleaved(self, packets: Sequence[bytes], *, pieces: int = 1000) -> list[Unit]:
        """Feed packets as they come in an RTSP connection; return what came of them."""
        self.units.clear()
        parser = Parser(Inlet(), lambda _message: None)
        parser.takers[2] = self.depacketiser
        stream = b"".join(b"$\x02" + struct.pack(">H", len(packet)) + packet for packet in packets)
        for place in range(0, len(stream), pieces):
            piece = stream[place : place + pieces]
            parser.space()[: len(piece)] = piece
            parser.filled(len(piece))
        return self._counted()

    def _counted(self) -> list[Unit]:
        """Return the units, once it is certain that each has a start code where it says that a NAL unit starts."""
        for unit in self.units:
            assert all(unit.payload[start - len(START_CODE) : start] == START_CODE for start in unit.starts)
        return list(self.units)


def fed(codec: Codec, packets: Sequence[bytes], *, sets: Sequence[bytes] = (), keep_all: bool = False) -> list[Unit]:
    return Fed(codec, sets, keep_all=keep_all).feed(packets)


def annex_b(*nals: bytes) -> bytes:
    return b"".join(START_CODE + nal for nal in nals)


@pytest.mark.parametrize(
    ("codec", "sets", "key"), [("h264", [SPS, PPS], KEY), ("h265", [VPS5, SPS5, PPS5], KEY5)], ids=["h264", "h265"]
)
def test_aggregates_and_fragments_make_one_key_access_unit(codec: Codec, sets: list[bytes], key: bytes) -> None:
    payloads = [aggregate(codec, sets), *fragments(codec, key)]

    (unit,) = fed(codec, Packets().picture(payloads, at=4_294_967_000))

    assert unit.key
    assert unit.payload == annex_b(*sets, key)
    assert unit.rtp_time == 4_294_967_000


@pytest.mark.parametrize(
    ("codec", "sets", "key"), [("h264", (SPS, PPS), KEY), ("h265", (VPS5, SPS5, PPS5), KEY5)], ids=["h264", "h265"]
)
def test_sets_of_the_description_stand_before_a_key_frame_without_its_own(
    codec: Codec, sets: tuple[bytes, ...], key: bytes
) -> None:
    (unit,) = fed(codec, Packets().picture(fragments(codec, key), at=0), sets=sets)

    assert unit.payload == annex_b(*sets, key)


def test_sets_of_the_stream_replace_those_of_the_description() -> None:
    taken, packets = Fed("h264", (b"\x67old", b"\x68old")), Packets()

    first = taken.feed([*packets.picture([SPS], at=0), *packets.picture([PPS], at=0)])
    (unit,) = taken.feed(packets.picture([KEY], at=0))

    assert first == []
    assert unit.payload == annex_b(SPS, PPS, KEY)


def test_a_new_time_ends_an_access_unit_whose_marker_is_missing() -> None:
    packets = Packets()
    sent = [packets.packet(SPS, at=0), packets.packet(KEY, at=0), packets.packet(DELTA, at=3600, marker=True)]

    units = fed("h264", sent, keep_all=True)

    assert [(unit.key, unit.rtp_time) for unit in units] == [(True, 0), (False, 3600)]
    assert units[1].payload == annex_b(DELTA)


def test_only_key_frames_are_kept_unless_all_are_wanted() -> None:
    packets = Packets()
    sent = packets.picture([SPS, KEY], at=0) + packets.picture(fragments("h264", DELTA, 100), at=3600)

    units = fed("h264", sent)

    assert [bool(unit.payload) for unit in units] == [True, False]
    assert [unit.usable for unit in units] == [True, True]


def test_after_a_lost_packet_nothing_comes_until_the_next_key_frame() -> None:
    taken, packets = Fed("h264", keep_all=True), Packets()
    taken.feed(packets.picture([SPS, KEY], at=0))
    torn = packets.picture(fragments("h264", KEY), at=3600)
    del torn[1]
    after = packets.picture([DELTA], at=7200)
    key = packets.picture([KEY], at=10800)

    units = taken.feed(torn + after + key)

    assert [bool(unit.payload) for unit in units] == [False, False, True]
    assert [unit.usable for unit in units] == [False, False, True]
    assert taken.depacketiser.count.lost == 1


def test_times_go_on_where_32_bits_end() -> None:
    packets = Packets()
    sent = packets.picture([SPS, KEY], at=2**32 - 3600) + packets.picture([KEY], at=2**32 + 3600)

    times = [unit.rtp_time for unit in fed("h264", sent)]

    assert times == [2**32 - 3600, 2**32 + 3600]


def test_an_endless_access_unit_is_dropped_and_takes_no_more_memory() -> None:
    taken, packets = Fed("h264"), Packets()
    piece = bytes([0x65]) + bytes(60_000)
    for _ in range(2 * ACCESS_UNIT_LIMIT_BYTES // len(piece)):
        assert taken.feed([packets.packet(piece, at=0)]) == []

    (unit,) = taken.feed([packets.packet(piece, at=0, marker=True)])

    assert unit.payload == b""


@pytest.mark.parametrize("size", [ACCESS_UNIT_LIMIT_BYTES - 4, ACCESS_UNIT_LIMIT_BYTES - 3])
def test_the_largest_access_unit_passes_and_a_larger_one_does_not(size: int) -> None:
    key = b"\x65" + bytes(size - 1)

    (unit,) = fed("h264", Packets().picture(fragments("h264", key, 60_000), at=0))

    assert len(unit.payload) == (4 + size if 4 + size <= ACCESS_UNIT_LIMIT_BYTES else 0)


def test_an_endless_fragmented_unit_takes_no_more_memory_either() -> None:
    taken, packets = Fed("h264"), Packets()
    first, *rest = fragments("h264", b"\x65" + bytes(2 * ACCESS_UNIT_LIMIT_BYTES), 60_000)
    taken.feed([packets.packet(first, at=0)])

    (unit,) = taken.feed_interleaved(packets.picture(rest, at=0), pieces=200_000)

    assert not unit.usable
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


@pytest.mark.parametrize("known", [(), (SPS, PPS)], ids=["sets in the stream", "sets of the session"])
def test_a_unit_says_where_its_nal_units_start(known: Sequence[bytes]) -> None:
    packets = Packets()
    sets = [] if known else [aggregate("h264", [SPS, PPS])]
    sent = [
        *packets.picture([*sets, *fragments("h264", KEY), KEY[:40], *fragments("h264", KEY)], at=0),
        *packets.picture([DELTA, *fragments("h264", DELTA, 100)], at=3000),
    ]

    units = fed("h264", sent, sets=known, keep_all=True)

    assert [list(nal_bounds(unit.payload, unit.starts)) for unit in units] == [
        list(nal_bounds(unit.payload)) for unit in units
    ]
    assert [[unit.payload[start] & 0x1F for start in unit.starts] for unit in units] == [[7, 8, 5, 5, 5], [1, 1]]


@given(st.sampled_from(["h264", "h265"]), st.lists(st.one_of(*hostile()), max_size=30))
def test_no_packets_raise(codec: Codec, packets: list[bytes]) -> None:
    for unit in fed(codec, packets, keep_all=True):
        assert unit.rtp_time >= 0


@given(
    codec=st.sampled_from(["h264", "h265"]),
    keep_all=st.booleans(),
    pieces=st.integers(18, 3000),
    missing=st.lists(st.integers(0, 60), max_size=3),
)
def test_packets_mean_the_same_in_a_connection_and_as_datagrams(
    *, codec: Codec, keep_all: bool, pieces: int, missing: list[int]
) -> None:
    sets, key, delta = ([SPS, PPS], KEY, DELTA) if codec == "h264" else ([VPS5, SPS5, PPS5], KEY5, DELTA5)
    packets = Packets()
    sent = [
        *packets.picture([aggregate(codec, sets), *fragments(codec, key, 300)], at=0),
        *packets.picture(fragments(codec, delta, 100), at=3600),
        *packets.picture(fragments(codec, key, 200), at=7200),
        *packets.picture([delta], at=10800),
    ]
    for place in missing:
        del sent[place % len(sent)]

    separate, together = Fed(codec, keep_all=keep_all), Fed(codec, keep_all=keep_all)

    assert together.feed_interleaved(sent, pieces=pieces) == separate.feed(sent)
    assert together.depacketiser.count.lost == separate.depacketiser.count.lost
    assert together.depacketiser.due == separate.depacketiser.due


def test_lost_packets_are_counted_over_the_wrap_of_the_numbers() -> None:
    taken, packets = Fed("h264"), Packets(sequence=65_530)
    sent = [packets.packet(KEY[:100], at=number) for number in range(20)]
    del sent[4:9]

    taken.feed(sent)

    count, due = taken.depacketiser.count, taken.depacketiser.due
    assert (count.lost, count.sent(due), count.extended(due)) == (5, 20, 65_530 + 19)
    assert count.fraction_lost(due) == 5 * 256 // 20
    assert count.fraction_lost(due) == 0


def test_a_camera_that_numbers_anew_has_lost_nothing() -> None:
    taken = Fed("h264")

    taken.feed(Packets(sequence=40_000).picture([KEY[:100]] * 3, at=0))
    taken.feed(Packets(sequence=100).picture([KEY[:100]] * 3, at=0))

    assert taken.depacketiser.count.lost == 0
    assert taken.depacketiser.count.sent(taken.depacketiser.due) == 6


def test_other_things_in_the_track_are_passed_over() -> None:
    units: list[Unit] = []
    depacketiser = Depacketiser("h264", (SPS, PPS), take=units.append, foreign_types={97})
    packets = Packets()
    key = packets.picture(fragments("h264", KEY), at=0)
    key.insert(2, packets.packet(b"metadata", at=0))
    key[2] = key[2][:1] + bytes([97]) + key[2][2:]
    for number, packet in enumerate(key):  # as the camera would have numbered them
        numbered = packet[:2] + struct.pack(">H", number) + packet[4:]
        depacketiser.feed(memoryview(numbered), 0, len(numbered))

    assert [unit.usable for unit in units] == [True]
    assert units[0].payload == annex_b(SPS, PPS, KEY)


@given(st.sampled_from(["h264", "h265"]), st.binary(max_size=100))
def test_any_parameter_set_has_a_size_or_none(codec: Codec, content: bytes) -> None:
    size = picture_size(codec, content)

    assert size == PictureSize.none() or (size.width_px > 0 and size.height_px > 0)
