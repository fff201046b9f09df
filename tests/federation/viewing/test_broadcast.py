"""One stream to many viewers: where each begins, and what one that is slow loses."""

import asyncio

import pytest

from federation.viewing import Broadcast, Kind, Message, Viewer, init_message, read_init
from federation.viewing.broadcast import HELD_LIMIT_BYTES, QUEUE_LIMIT_BYTES, QUEUE_LIMIT_MESSAGES

INIT = init_message('video/mp4; codecs="avc1.42c00b"', b"ftypmoov")


def key(number: int, size: int = 10) -> Message:
    return Message(Kind.KEY, bytes((Kind.KEY, number)) + bytes(size))


def delta(number: int, size: int = 10) -> Message:
    return Message(Kind.DELTA, bytes((Kind.DELTA, number)) + bytes(size))


async def waiting(viewer: Viewer) -> list[tuple[Kind, int]]:
    """Return kind and number of all messages that wait now."""
    found: list[tuple[Kind, int]] = []
    while True:
        try:
            message = await asyncio.wait_for(viewer.next(), 0.01)
        except TimeoutError:
            return found
        found.append((message.kind, message.content[1] if message.kind is not Kind.INIT else 0))


async def test_a_viewer_gets_the_init_segment_and_the_pictures_since_the_last_key_frame() -> None:
    broadcast = Broadcast()
    for message in (INIT, key(1), delta(2), key(3), delta(4)):
        broadcast.send(message)

    with broadcast.viewing() as viewer:
        broadcast.send(delta(5))

        assert await waiting(viewer) == [(Kind.INIT, 0), (Kind.KEY, 3), (Kind.DELTA, 4), (Kind.DELTA, 5)]
        assert broadcast.viewers == 1
    assert broadcast.viewers == 0


async def test_a_viewer_that_comes_before_the_first_key_frame_waits_for_it() -> None:
    broadcast = Broadcast()

    with broadcast.viewing() as viewer:
        for message in (delta(1), INIT, delta(2), key(3), delta(4)):
            broadcast.send(message)

        assert await waiting(viewer) == [(Kind.INIT, 0), (Kind.KEY, 3), (Kind.DELTA, 4)]


@pytest.mark.parametrize("size", [10, QUEUE_LIMIT_BYTES // 4])
async def test_a_slow_viewer_goes_on_at_the_next_key_frame_and_others_lose_nothing(size: int) -> None:
    broadcast = Broadcast()
    room = min(QUEUE_LIMIT_MESSAGES, QUEUE_LIMIT_BYTES // (size + 2))

    with broadcast.viewing() as slow, broadcast.viewing() as quick:
        broadcast.send(key(1, size))
        assert await waiting(quick) == [(Kind.KEY, 1)]
        for _ in range(room + 5):
            broadcast.send(delta(2, size))
            assert await waiting(quick) == [(Kind.DELTA, 2)]
        broadcast.send(key(3, size))
        broadcast.send(delta(4, size))

        assert await waiting(slow) == [(Kind.KEY, 3), (Kind.DELTA, 4)]
        assert slow.dropped == room + 5 + 1
        assert quick.dropped == 0
    assert broadcast.dropped == room + 6


async def test_the_pictures_held_for_new_viewers_are_bounded() -> None:
    broadcast = Broadcast()
    broadcast.send(key(1, HELD_LIMIT_BYTES // 2))
    broadcast.send(delta(2, HELD_LIMIT_BYTES // 2))  # one byte too many

    with broadcast.viewing() as viewer:
        assert await waiting(viewer) == []
        broadcast.send(delta(3))
        broadcast.send(key(4))
        assert await waiting(viewer) == [(Kind.KEY, 4)]


async def test_a_new_init_segment_makes_older_pictures_worthless() -> None:
    broadcast = Broadcast()
    for message in (INIT, key(1), INIT):
        broadcast.send(message)

    with broadcast.viewing() as viewer:
        assert await waiting(viewer) == [(Kind.INIT, 0)]


def test_an_init_message_tells_codec_and_segment() -> None:
    assert read_init(Message.of(INIT.content)) == ('video/mp4; codecs="avc1.42c00b"', b"ftypmoov")


@pytest.mark.parametrize("content", [b"", b"\x01", b"\x09ab"])
def test_what_is_no_message_is_refused(content: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        Message.of(content)
