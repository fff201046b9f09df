"""The connection under a session: asyncio carries the bytes, and paho takes it for its socket.

paho reads its socket byte by byte, each time giving the interpreter's lock away: under load every byte would wait for
whatever thread holds it. Here a whole buffer is received at once, and paho reads memory: one packet at a time, once it
is whole. Messages of QoS 0, which are most, are read here: nothing has to be remembered of them.
"""

import asyncio
import ssl
import struct
from collections.abc import Callable
from typing import NamedTuple

_PUBLISH_QOS_0 = 0x30  # packet type 3; the lowest bit says "retained" (MQTT 3.1.1, 3.3.1)


class Publication(NamedTuple):
    """A message of QoS 0 as it came; what should be UTF-8 may be none."""

    topic: bytes
    payload: bytes
    retained: bool


class Wire(asyncio.Protocol):
    """One connection after the other; `received` is called when there is something to read, `lost` at the end."""

    def __init__(self, *, received: Callable[[], None], lost: Callable[[], None]) -> None:
        """Start without a connection."""
        self._received = received
        self._lost = lost
        self._incoming = bytearray()
        self._offered = 0  # how many bytes paho may read: those of one packet
        self._outgoing = bytearray()
        self._transport: asyncio.Transport | None = None
        self._end = asyncio.Event()
        self._end.set()

    @property
    def readable(self) -> bool:
        """Whether paho finds a whole packet, or the end."""
        if self._offered == 0:
            self._offered = _bounds(self._incoming)[1]
        return self._offered > 0 or self._end.is_set()

    @property
    def unsent_bytes(self) -> int:
        """What was written and has not gone out."""
        return 0 if self._transport is None else self._transport.get_write_buffer_size()

    def publication(self) -> Publication | None:
        """Take the next packet if it is a whole message of QoS 0; None if it is anything else."""
        incoming = self._incoming
        if self._offered or not incoming or incoming[0] & 0xFE != _PUBLISH_QOS_0:
            return None
        start, size = _bounds(incoming)
        packet = bytes(incoming[:size])
        topic = start + 2
        body = topic + int.from_bytes(packet[start:topic])
        if topic > size or body > size:
            return None  # it is not whole; or it is for paho to say what is wrong with it
        del incoming[:size]
        return Publication(packet[topic:body], packet[body:], bool(packet[0] & 1))

    async def connect(self, host: str, port: int, tls: ssl.SSLContext | None) -> None:
        """Connect; raise OSError."""
        self._incoming.clear()
        self._outgoing.clear()
        self._offered = 0
        await asyncio.get_running_loop().create_connection(lambda: self, host, port, ssl=tls)

    def flush(self) -> None:
        """Send what was written, all at once."""
        if self._transport is not None and self._outgoing:
            self._transport.write(bytes(self._outgoing))
            self._outgoing.clear()

    def abort(self) -> None:
        """Give the connection up at once: nobody may be at its other end."""
        if self._transport is not None:
            self._transport.abort()

    async def ended(self, *, within_s: float) -> bool:
        """Wait until the connection is lost or closed; False if it still stands after so long."""
        try:
            async with asyncio.timeout(within_s):
                await self._end.wait()
        except TimeoutError:
            return False
        return True

    # What asyncio calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - of a stream
        self._transport = transport
        self._end.clear()

    def data_received(self, data: bytes) -> None:
        """Keep bytes until they are read."""
        self._incoming += data
        self._received()

    def connection_lost(self, error: Exception | None) -> None:  # noqa: ARG002 - the reader finds the end
        """Note the end."""
        self._transport = None
        self._end.set()
        self._lost()

    # What paho calls.

    def recv(self, size: int) -> bytes:
        """Return up to `size` bytes of a packet, none at the end; raise BlockingIOError while there are none."""
        if self._offered == 0:
            if self._end.is_set():
                return b""
            raise BlockingIOError
        data = bytes(self._incoming[: min(size, self._offered)])
        del self._incoming[: len(data)]
        self._offered -= len(data)
        return data

    def send(self, data: bytes) -> int:
        """Take bytes for the next `flush`; raise ConnectionError after the end."""
        if self._transport is None:
            raise ConnectionError("the connection is lost")
        self._outgoing += data
        return len(data)

    def setblocking(self, flag: bool) -> None:  # noqa: FBT001 - a socket's method
        """Do nothing: it never blocks."""

    def fileno(self) -> int:
        """Return no file."""
        return -1

    def close(self) -> None:
        """Send what was written, and close the connection in order."""
        self.flush()
        if self._transport is not None:
            self._transport.close()


def _bounds(incoming: bytearray) -> tuple[int, int]:
    """Return where the body of the packet at the beginning starts, and where it ends (MQTT 3.1.1, 2.2.3).

    Both are 0 while it is not whole. If its length is no length, they are one byte behind where that ends at most: for
    paho to end the connection.
    """
    length = 0
    for place, byte in enumerate(incoming[1:5]):
        length |= (byte & 0x7F) << 7 * place
        if byte < 0x80:
            start = 2 + place
            return (start, start + length) if start + length <= len(incoming) else (0, 0)
    return (6, 6) if len(incoming) > 5 else (0, 0)


def qos_0(topic: str, payload: bytes, *, retain: bool) -> bytes:
    """Return a message of QoS 0 as it goes over the wire (MQTT 3.1.1, 3.3): paho would keep books on it for nothing."""
    name = topic.encode()
    size, length = 2 + len(name) + len(payload), bytearray()
    while True:
        size, low = divmod(size, 128)
        length.append(low | 0x80 if size else low)
        if not size:
            return b"".join((bytes((0x30 | retain,)), length, struct.pack("!H", len(name)), name, payload))
