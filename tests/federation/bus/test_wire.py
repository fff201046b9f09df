"""Bytes of a connection to packets: whole ones only, and messages of QoS 0 apart from the rest."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from federation.bus.wire import Publication, Wire, qos_0

ACKNOWLEDGEMENT = b"\x40\x02\x00\x07"
PING_ANSWER = b"\xd0\x00"
topics = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
publications = st.builds(
    Publication, topic=topics.map(str.encode), payload=st.binary(max_size=400), retained=st.booleans()
)
packets = st.one_of(publications, st.sampled_from([ACKNOWLEDGEMENT, PING_ANSWER, b"\x32\x07\x00\x01a\x00\x09hi"]))


def as_bytes(packet: Publication | bytes) -> bytes:
    if isinstance(packet, bytes):
        return packet
    return qos_0(packet.topic.decode(), packet.payload, retain=packet.retained)


class Reader:
    """Takes what a wire has, as a session does."""

    def __init__(self) -> None:
        self.found: list[Publication | bytes] = []
        self.wire = Wire(received=self._read, lost=lambda: None)
        self.wire.connection_made(FakeTransport())

    def _read(self) -> None:
        while True:
            publication = self.wire.publication()
            if publication is not None:
                self.found.append(publication)
            elif self.wire.readable:
                self.found.append(self._packet())
            else:
                return

    def _packet(self) -> bytes:
        """Read byte by byte until there is nothing for now."""
        read = bytearray()
        while True:
            try:
                read += self.wire.recv(1)
            except BlockingIOError:
                return bytes(read)


class FakeTransport(asyncio.Transport):
    """A connection to nobody."""


@given(st.lists(packets, max_size=20), st.integers(1, 500))
def test_packets_come_whole_and_in_order_however_the_bytes_come(sent: list[Publication | bytes], at_once: int) -> None:
    stream = b"".join(map(as_bytes, sent))
    reader = Reader()

    for start in range(0, len(stream), at_once):
        reader.wire.data_received(stream[start : start + at_once])

    assert reader.found == sent


@pytest.mark.parametrize(
    "stream",
    [
        pytest.param(b"\x30\xff\xff\xff\xff\x7f", id="a length of five bytes"),
        pytest.param(b"\x30\xff\xff\xff\xff\xff", id="a length without end"),
        pytest.param(b"\x30\x03\x00\x09a", id="a topic longer than the packet"),
        pytest.param(b"\x30\x01\x00", id="no room for a topic"),
        pytest.param(b"\x30\x00", id="nothing"),
    ],
)
def test_what_is_no_message_is_left_to_the_protocol(stream: bytes) -> None:
    reader = Reader()

    reader.wire.data_received(stream)

    assert reader.found == [stream]
