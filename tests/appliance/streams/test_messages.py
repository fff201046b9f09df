"""RTSP messages, cut from bytes that arrive in any pieces, friendly or not."""

import contextlib
import itertools
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.streams.errors import Violation
from appliance.streams.rtsp.messages import (
    BUFFER_BYTES,
    GARBAGE_LIMIT_BYTES,
    HEAD_LIMIT_BYTES,
    Inlet,
    Parser,
    Request,
    Response,
)

ANSWER = b"RTSP/1.0 200 OK\r\nCSeq: 3\r\nContent-Length: 4\r\n\r\nbody"
FRAME = b"$\x00\x00\x05hello"


Found = tuple[int, bytes] | Response | Request


class Channel:
    """Notes the packets of one channel."""

    def __init__(self, number: int, found: list[Found]) -> None:
        self.number = number
        self.found = found

    def feed(self, view: memoryview, start: int, stop: int) -> None:
        self.found.append((self.number, bytes(view[start:stop])))

    def skim(self, view: memoryview, start: int, end: int, channel: int) -> int:
        return start


def parsed(pieces: Sequence[bytes], channels: Sequence[int] = (0, 1)) -> list[Found]:
    found: list[Found] = []
    parser = Parser(Inlet(), found.append)
    for number in channels:
        parser.takers[number] = Channel(number, found)
    for piece in pieces:
        rest = memoryview(piece)
        while rest:
            space = parser.space()
            count = min(len(space), len(rest))
            space[:count] = rest[:count]
            parser.filled(count)
            rest = rest[count:]
    parser.end_body()
    return found


@given(st.lists(st.integers(1, 200), max_size=8))
def test_messages_and_frames_are_the_same_however_they_are_cut(cuts: list[int]) -> None:
    stream = (FRAME + ANSWER + b"\r\n" + FRAME) * 3
    places = sorted({0, len(stream), *(cut % len(stream) for cut in cuts)})

    found = parsed([stream[a:b] for a, b in itertools.pairwise(places)])

    assert found == parsed([stream])
    assert len(found) == 9
    assert found[0] == (0, b"hello")
    assert isinstance(found[1], Response)
    assert (found[1].status, found[1].sequence, found[1].body) == (200, 3, b"body")


@given(st.lists(st.binary(max_size=300), max_size=6))
def test_no_bytes_do_more_harm_than_a_violation(pieces: list[bytes]) -> None:
    with contextlib.suppress(Violation):
        parsed(pieces)


@pytest.mark.parametrize(
    "stream",
    [
        b"HTTP/1.1 200 OK\r\n\r\n",
        b"\x16\x03\x01\x02",
        b"RTSP/1.0 200 OK\r\nContent-Length: 99999999\r\n\r\n",
        b"RTSP/1.0 200 OK\r\nContent-Length: -1\r\n\r\n",
        b"RTSP/1.0 200 " + b"a" * HEAD_LIMIT_BYTES * 2,
        b"RTSP/1.0 200 OK\r\nA: " + b"a" * HEAD_LIMIT_BYTES + b"\r\n\r\n",
    ],
    ids=range(6),
)
def test_what_is_no_rtsp_is_a_violation(stream: bytes) -> None:
    with pytest.raises(Violation):
        parsed([stream], channels=())


def test_the_largest_frame_fits() -> None:
    frame = b"$\x01\xff\xff" + bytes(65535)

    assert parsed([frame * 5]) == [(1, bytes(65535))] * 5
    assert len(Parser(Inlet(), print).space()) == BUFFER_BYTES


def test_connections_share_one_inlet() -> None:
    inlet, found = Inlet(), list[Found]()
    first, second = Parser(inlet, found.append), Parser(inlet, found.append)
    for parser, piece in ((first, ANSWER[:9]), (second, ANSWER[:30]), (first, ANSWER[9:]), (second, ANSWER[30:])):
        parser.space()[: len(piece)] = piece
        parser.filled(len(piece))

    assert [item.sequence for item in found if isinstance(item, Response)] == [3, 3]


def test_the_channels_of_nobody_are_passed_over() -> None:
    assert parsed([b"$\x07\x00\x02ab" + FRAME], channels=(0,)) == [(0, b"hello")]


def test_a_description_without_a_length_ends_where_nothing_more_comes() -> None:
    head = b"RTSP/1.0 200 OK\r\nCSeq: 2\r\ncontent-type: application/sdp\r\n\r\n"

    (found,) = parsed([head, b"v=0\r\n", b"m=video\r\n$\x00"])

    assert isinstance(found, Response)
    assert found.body == b"v=0\r\nm=video\r\n$\x00"


def test_headers_may_be_folded_end_with_a_line_feed_or_be_none() -> None:
    (found,) = parsed([b"RTSP/1.0 200 OK\nCSEQ: 5\nno header\nX-Long: a\n b\n\n"])

    assert isinstance(found, Response)
    assert (found.sequence, found.header("x-long")) == (5, "a b")


def test_after_half_a_frame_it_goes_on_at_the_next_one() -> None:
    found = parsed([FRAME + b"\x12\x34 torn" + FRAME])

    assert found == [(0, b"hello")] * 2


def test_endless_garbage_is_a_violation() -> None:
    with pytest.raises(Violation):
        parsed([b"\x00" * 1000] * (GARBAGE_LIMIT_BYTES // 1000 + 2))


def test_a_line_break_in_an_address_makes_no_second_header() -> None:
    with pytest.raises(Violation):
        Request(method="PLAY", url="rtsp://x/\r\nEvil: 1", headers=()).to_bytes()
