"""As much of MQTT 3.1.1 as an appliance speaks, on an asyncio protocol: thousands of clients fit into one process.

Clauses are those of the OASIS standard MQTT Version 3.1.1.
"""

import asyncio
import ssl
import struct
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

KEEPALIVE_S = 60
ANSWER_WITHIN_S = 60.0
LONGEST_PACKET = 2**20 + 1024

CONNECT, CONNACK, PUBLISH, PUBACK, SUBSCRIBE, SUBACK, PINGREQ, PINGRESP, DISCONNECT = 1, 2, 3, 4, 8, 9, 12, 13, 14


class BrokenSession(Exception):
    """The broker refused the session, said something that is no MQTT, or went away."""


@dataclass(frozen=True, kw_only=True)
class Address:
    """How one client reaches the broker; `tls` shows its certificate."""

    host: str
    port: int
    tls: ssl.SSLContext | None


@dataclass(frozen=True, kw_only=True)
class Packet:
    """One control packet: its type, the low four bits of its first byte, and what follows the length."""

    type: int
    flags: int
    body: bytes


def encode(kind: int, flags: int, body: bytes) -> bytes:
    """Return a control packet (clause 2.2)."""
    return bytes((kind << 4 | flags,)) + _length(len(body)) + body


def connect(client_id: str, *, keepalive_s: int = KEEPALIVE_S) -> bytes:
    """Return a CONNECT with a clean session (clause 3.1); who it is, its certificate says."""
    clean_session = 0x02
    head = _text("MQTT") + bytes((4, clean_session)) + struct.pack("!H", keepalive_s)
    return encode(CONNECT, 0, head + _text(client_id))


def subscribe(topics: Sequence[str], *, qos: int = 1) -> bytes:
    """Return a SUBSCRIBE (clause 3.8)."""
    filters = b"".join(_text(topic) + bytes((qos,)) for topic in topics)
    return encode(SUBSCRIBE, 2, struct.pack("!H", 1) + filters)


def publish(topic: str, payload: bytes, *, qos: int = 0, packet_id: int = 0, retain: bool = False) -> bytes:
    """Return a PUBLISH (clause 3.3); `packet_id` counts only for QoS 1."""
    number = struct.pack("!H", packet_id) if qos else b""
    return encode(PUBLISH, qos << 1 | retain, _text(topic) + number + payload)


def read_publish(packet: Packet) -> tuple[str, bytes, int | None]:
    """Return topic, payload and, for QoS 1, the packet's number."""
    (length,) = struct.unpack_from("!H", packet.body)
    topic, start = packet.body[2 : 2 + length].decode(), 2 + length
    if packet.flags & 0x06 == 0:
        return topic, packet.body[start:], None
    (number,) = struct.unpack_from("!H", packet.body, start)
    return topic, packet.body[start + 2 :], number


class Reader:
    """Cuts a stream of bytes into packets."""

    def __init__(self) -> None:
        """Start at the beginning of a packet."""
        self._buffer = bytearray()

    def feed(self, data: bytes) -> Iterator[Packet]:
        """Yield the packets that `data` completes; raise BrokenSession for what is none."""
        self._buffer += data
        start = 0
        while (found := _next(self._buffer, start)) is not None:
            packet, start = found
            yield packet
        del self._buffer[:start]


class Client(asyncio.Protocol):
    """One session. Made by `connected`; `message` is called with topic and payload of what arrives."""

    def __init__(self, message: Callable[[str, bytes], None]) -> None:
        """Prepare for one connection."""
        self.acknowledged = 0
        self.closed = asyncio.Event()
        self.answers: asyncio.Queue[Packet] = asyncio.Queue(16)
        self._message = message
        self._reader = Reader()
        self._transport: asyncio.Transport | None = None
        self._number = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - streams give this one
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Take packets."""
        try:
            for packet in self._reader.feed(data):
                self._take(packet)
        except (BrokenSession, struct.error, UnicodeDecodeError, asyncio.QueueFull):
            self.close()

    def connection_lost(self, error: Exception | None) -> None:  # noqa: ARG002 - the protocol's signature
        """Note the end."""
        self.closed.set()

    def send(self, packet: bytes) -> None:
        """Send bytes; what is sent after the end vanishes, as on a network."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(packet)

    def publish(self, topic: str, payload: bytes, *, qos: int = 0, retain: bool = False) -> None:
        """Publish; for QoS 1 `acknowledged` counts the answers."""
        self._number = self._number % 0xFFFF + 1
        self.send(publish(topic, payload, qos=qos, packet_id=self._number, retain=retain))

    def close(self) -> None:
        """End the session in order."""
        self.send(encode(DISCONNECT, 0, b""))
        if self._transport is not None:
            self._transport.close()

    def _take(self, packet: Packet) -> None:
        match packet.type:
            case 3:
                topic, payload, number = read_publish(packet)
                if number is not None:
                    self.send(encode(PUBACK, 0, struct.pack("!H", number)))
                self._message(topic, payload)
            case 4:
                self.acknowledged += 1
            case 2 | 9:
                self.answers.put_nowait(packet)
            case 13:
                pass
            case _:
                raise BrokenSession(f"a packet of type {packet.type}")


async def connected(
    address: Address, client_id: str, *, topics: Sequence[str], message: Callable[[str, bytes], None]
) -> Client:
    """Return a client that is connected and subscribed; raise BrokenSession or OSError."""
    loop = asyncio.get_running_loop()
    _, client = await loop.create_connection(lambda: Client(message), address.host, address.port, ssl=address.tls)
    client.send(connect(client_id))
    await _answer(client, CONNACK)
    if topics:
        client.send(subscribe(topics))
        await _answer(client, SUBACK)
    return client


async def _answer(client: Client, kind: int) -> None:
    async with asyncio.timeout(ANSWER_WITHIN_S):
        packet = await client.answers.get()
    if packet.type != kind or (packet.body[1] if kind == CONNACK else packet.body[2] & 0x80):
        client.close()
        raise BrokenSession(f"the broker refused: {packet.body.hex()}")


def _next(buffer: bytearray, start: int) -> tuple[Packet, int] | None:
    """Return the packet that begins at `start` and where it ends, or None while it is not whole (clause 2.2.3)."""
    size, shift, at = 0, 0, start + 1
    while True:
        if at >= len(buffer):
            return None
        byte = buffer[at]
        size |= (byte & 0x7F) << shift
        shift, at = shift + 7, at + 1
        if not byte & 0x80:
            break
        if shift > 21:
            raise BrokenSession("a length of more than four bytes")
    if size > LONGEST_PACKET:
        raise BrokenSession(f"a packet of {size} bytes")
    if at + size > len(buffer):
        return None
    first = buffer[start]
    return Packet(type=first >> 4, flags=first & 0x0F, body=bytes(buffer[at : at + size])), at + size


def _text(text: str) -> bytes:
    data = text.encode()
    return struct.pack("!H", len(data)) + data


def _length(size: int) -> bytes:
    encoded = bytearray()
    while True:
        size, low = divmod(size, 128)
        encoded.append(low | (0x80 if size else 0))
        if not size:
            return bytes(encoded)
