"""What is written is what other people's readers read; what is read may be anything."""

import io
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.mp4.boxes import BadBox, box
from appliance.mp4.fragments import Head, Timed, nal_bounds, sample, timed
from appliance.mp4.reading import fragments, init_bytes, is_sound, track_of
from appliance.mp4.track import BadTrack, Track
from appliance.streams.access_unit import Codec
from tests.appliance.coded import coded
from tests.appliance.footage import assembled, decoded, probed, write_segment

BOTH: tuple[Codec, ...] = ("h264", "h265")
NAMES = {"h264": "avc1", "h265": "hvc1"}

samples = st.builds(
    Timed,
    duration_ticks=st.integers(0, 2**32 - 1),
    size_bytes=st.integers(0, 2**20),
    key=st.booleans(),
    offset_ticks=st.integers(-(2**31), 2**31 - 1),
)


@pytest.mark.parametrize("b_frames", [0, 3])
@pytest.mark.parametrize("codec", BOTH)
def test_ffmpeg_and_pyav_read_every_picture_at_its_time(codec: Codec, b_frames: int, tmp_path: Path) -> None:
    units = coded(codec, b_frames=b_frames)
    path = tmp_path / "a.mp4"

    write_segment(path, assembled(units))

    seen = probed(path)
    assert (seen.frames, seen.tag, seen.width_px, seen.height_px) == (40, NAMES[codec], 320, 192)
    assert seen.duration_s == pytest.approx(4.0, abs=0.01)
    assert seen.complaints == ""
    times = decoded(path)
    steps = [later - earlier for earlier, later in pairwise(times)]
    assert steps == pytest.approx([0.1] * 39)


@pytest.mark.parametrize("codec", BOTH)
def test_a_track_is_found_again_in_its_init_segment(codec: Codec) -> None:
    parameters = coded(codec)[0].parameters
    track = Track.of(codec, parameters.sets)

    assert track_of(track.init_segment()) == track
    assert track_of(track.init_segment(duration_ticks=90_000)) == track
    assert NAMES[codec] in track.mime


@pytest.mark.parametrize("codec", BOTH)
def test_parameter_sets_without_a_word_are_left_out(codec: Codec) -> None:
    sets = coded(codec)[0].parameters.sets

    assert Track.of(codec, (b"", *sets)) == Track.of(codec, (sets[0][:1], *sets)) == Track.of(codec, sets)


@pytest.mark.parametrize(
    ("codec", "sets"),
    [("h264", ()), ("h264", (b"\x67\x42",)), ("h264", (b"\x67", b"\x68")), ("h265", (b"\x40\x01\x0c",)), ("mjpeg", ())],
)
def test_parameter_sets_that_say_too_little_make_no_track(codec: Codec, sets: tuple[bytes, ...]) -> None:
    with pytest.raises(BadTrack):
        Track.of(codec, sets)


@given(st.sampled_from(BOTH), st.lists(st.binary(max_size=80), max_size=6))
def test_hostile_parameter_sets_make_a_track_or_are_refused(codec: Codec, sets: list[bytes]) -> None:
    try:
        track = Track.of(codec, sets)
    except BadTrack:
        return
    assert track_of(track.init_segment()).size == track.size


@given(
    st.integers(0, 2**32 - 1),
    st.integers(0, 2**63),
    st.lists(samples, max_size=20),
    st.none() | st.integers(0, 4_000_000_000_000_000),
)
def test_a_head_is_read_as_it_was_written(sequence: int, ticks: int, found: list[Timed], at_us: int | None) -> None:
    head = Head(sequence=sequence, decode_ticks=ticks, samples=tuple(found), at_us=at_us)
    content = head.to_bytes() + bytes(head.content_bytes)

    [place] = fragments(io.BytesIO(content), 0, len(content))

    assert place.head == head
    assert place.end == len(content)


@given(st.data())
def test_a_damaged_file_ends_the_walk_and_nothing_else(data: st.DataObject) -> None:
    content = bytearray(_file())
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    file = io.BytesIO(bytes(content[: data.draw(st.integers(0, len(content)))]))
    size = len(file.getvalue())
    try:
        start = len(init_bytes(file))
        track_of(init_bytes(file))
    except (BadBox, BadTrack):
        start = 0

    places = list(fragments(file, start, size))

    assert all(start <= place.offset < place.end <= size for place in places)
    assert {is_sound(file, place) for place in places} <= {True, False}


@given(st.binary(max_size=200))
def test_nal_units_are_found_in_any_bytes(content: bytes) -> None:
    bounds = list(nal_bounds(content))

    assert all(content[start - 3 : start] == b"\0\0\1" for start, _ in bounds)
    assert all(stop > start and content[stop - 1] != 0 for start, stop in bounds)
    item = sample("h264", content, key=False, ticks=0)
    assert item.size_bytes == sum(map(len, item.pieces))


def test_start_codes_of_three_and_four_bytes_are_understood() -> None:
    content = b"\0\0\0\1\x67\x42\0\0\1\x68\xce\0\0\0\1\x65\x88\x84"

    assert [content[start:stop] for start, stop in nal_bounds(content)] == [b"\x67\x42", b"\x68\xce", b"\x65\x88\x84"]
    assert sample("h264", content, key=True, ticks=0).pieces[1::2] == (b"\x65\x88\x84",)  # the sets stand in the init


def test_decoding_times_never_go_back() -> None:
    pictures = [sample("h264", b"\0\0\1\x41\x9a", key=False, ticks=ticks) for ticks in (300, 0, 300, 600)]

    start, times = timed(pictures, not_before=100, until=500)

    ends = [start]
    for item in times:
        ends.append(ends[-1] + item.duration_ticks)
    assert start == 100
    assert all(item.duration_ticks > 0 for item in times)
    shown = [at + item.offset_ticks for at, item in zip(ends, times, strict=False)]
    assert shown == [300, 0, 300, 600]


def test_an_impossible_box_is_refused() -> None:
    with pytest.raises(BadBox):
        init_bytes(io.BytesIO(box(b"free", b"1234")))
    with pytest.raises(BadBox):
        init_bytes(io.BytesIO(b"\0\0\0\1ftyp" + b"\0" * 8))


def _file() -> bytes:
    pictures = assembled(coded(seconds=1.0))
    first = pictures[0]
    parts: list[bytes | memoryview] = [first.track.init_segment()]
    for fragment in pictures:
        ticks = fragment.start_ticks - first.start_ticks
        parts += (fragment.head(sequence=1, decode_ticks=ticks, at_us=fragment.at_us).to_bytes(), *fragment.pieces())
    return b"".join(parts)
