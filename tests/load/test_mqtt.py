"""The codec of simulated appliances: whatever way bytes are cut, the same packets come out."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hil_tests.load.mqtt import (
    CONNECT,
    LONGEST_PACKET,
    PUBLISH,
    BrokenSession,
    Packet,
    Reader,
    connect,
    encode,
    publish,
    read_publish,
)


@given(st.lists(st.tuples(st.text(min_size=1, max_size=20), st.binary(max_size=400), st.integers(0, 1))), st.data())
def test_messages_come_out_as_they_went_in_however_they_are_cut(
    messages: list[tuple[str, bytes, int]], data: st.DataObject
) -> None:
    stream = b"".join(publish(topic, payload, qos=qos, packet_id=7) for topic, payload, qos in messages)
    reader, found = Reader(), list[tuple[str, bytes, int | None]]()
    while stream:
        size = data.draw(st.integers(1, 200))
        found += [read_publish(packet) for packet in reader.feed(stream[:size])]
        stream = stream[size:]

    assert found == [(topic, payload, 7 if qos else None) for topic, payload, qos in messages]


@pytest.mark.parametrize("size", [0, 1, 127, 128, 16_383, 16_384, LONGEST_PACKET])
def test_a_packet_of_any_length_is_read_whole(size: int) -> None:
    (packet,) = Reader().feed(encode(PUBLISH, 0, b"x" * size))

    assert packet == Packet(type=PUBLISH, flags=0, body=b"x" * size)


@pytest.mark.parametrize("stream", [b"\x30\xff\xff\xff\xff\x01", encode(PUBLISH, 0, b"x" * (LONGEST_PACKET + 1))])
def test_a_packet_that_is_too_long_ends_the_session(stream: bytes) -> None:
    with pytest.raises(BrokenSession):
        list(Reader().feed(stream))


def test_a_connect_is_that_of_the_standard() -> None:
    (packet,) = Reader().feed(connect("n1", keepalive_s=60))

    assert packet.type == CONNECT
    assert packet.body == b"\x00\x04MQTT\x04\x02\x00\x3c\x00\x02n1"
