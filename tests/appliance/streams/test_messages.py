"""RTSP messages, cut from bytes that arrive in any pieces, friendly or not."""

import contextlib
import itertools
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.streams.errors import Violation
from appliance.streams.rtsp.messages import BUFFER_BYTES, HEAD_LIMIT_BYTES, Interleaved, Parser, Request, Response

ANSWER = b"RTSP/1.0 200 OK\r\nCSeq: 3\r\nContent-Length: 4\r\n\r\nbody"
FRAME = b"$\x00\x00\x05hello"


def parsed(pieces: Sequence[bytes]) -> list[tuple[int, bytes] | Response | Request]:
    parser, found = Parser(), list[tuple[int, bytes] | Response | Request]()
    for piece in pieces:
        rest = memoryview(piece)
        while rest:
            space = parser.space()
            count = min(len(space), len(rest))
            space[:count] = rest[:count]
            for item in parser.filled(count):
                found.append((item.channel, bytes(item.payload)) if isinstance(item, Interleaved) else item)
            rest = rest[count:]
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
        b"RTSP/1.0 200 OK\r\nno colon\r\n\r\n",
        b"RTSP/1.0 200 " + b"a" * HEAD_LIMIT_BYTES * 2,
        b"RTSP/1.0 200 OK\r\nA: " + b"a" * HEAD_LIMIT_BYTES + b"\r\n\r\n",
    ],
    ids=range(7),
)
def test_what_is_no_rtsp_is_a_violation(stream: bytes) -> None:
    with pytest.raises(Violation):
        parsed([stream])


def test_the_largest_frame_fits() -> None:
    frame = b"$\x01\xff\xff" + bytes(65535)

    assert parsed([frame * 5]) == [(1, bytes(65535))] * 5
    assert len(Parser().space()) == BUFFER_BYTES


def test_a_line_break_in_an_address_makes_no_second_header() -> None:
    with pytest.raises(Violation):
        Request(method="PLAY", url="rtsp://x/\r\nEvil: 1", headers=()).to_bytes()
