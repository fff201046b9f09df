"""The two ways in which a track arrives: interleaved in the RTSP connection, or by UDP."""

import asyncio
import contextlib
import re
import socket
from collections.abc import Callable
from typing import Protocol, cast

from appliance.streams.errors import Refused
from appliance.streams.rtp.depacketiser import Depacketiser
from appliance.streams.rtp.reorder import ReorderWindow
from appliance.streams.rtsp.connection import Connection
from appliance.streams.rtsp.messages import Taker

RECEIVE_BUFFER_BYTES = 2 << 20
PORT_TRIES = 64
_PUNCH = b"\x80\x60" + bytes(10)  # an empty RTP packet opens the way back through a NAT

TakeRtcp = Callable[[memoryview], None]


class Media(Protocol):
    """Where a track's packets come from."""

    @property
    def offer(self) -> str:
        """The value of the Transport header for SETUP."""

    @property
    def received_bytes(self) -> int:
        """Bytes that came beside the RTSP connection."""

    def begin(self, transport: str) -> None:
        """Let packets in, by the camera's Transport header; raise Refused where it makes no sense."""

    def send_rtcp(self, packet: bytes) -> None:
        """Send a report to the camera."""

    def close(self) -> None:
        """Free what was bound."""


class _RtcpTaker:
    """Takes the packets of an interleaved RTCP channel."""

    def __init__(self, take: TakeRtcp) -> None:
        self._take = take

    def feed(self, view: memoryview, start: int, stop: int) -> None:
        self._take(view[start:stop])

    def skim(self, view: memoryview, start: int, end: int, channel: int) -> int:  # noqa: ARG002 - a taker's signature
        return start


class Interleaved:
    """Media inside the RTSP connection."""

    offer = "RTP/AVP/TCP;unicast;interleaved=0-1"
    received_bytes = 0

    def __init__(self, connection: Connection, packets: Taker, take_rtcp: TakeRtcp) -> None:
        """Use `connection`; `begin` lets packets in."""
        self._connection = connection
        self._packets = packets
        self._take_rtcp = take_rtcp
        self._rtcp_channel = 1

    def begin(self, transport: str) -> None:
        """Take the channels that the camera names: some choose others than were asked for."""
        found = re.search(r"interleaved=(\d{1,3})(?:-(\d{1,3}))?", transport)
        rtp = int(found[1]) if found else 0
        self._rtcp_channel = int(found[2]) if found and found[2] else rtp + 1
        if rtp > 255 or self._rtcp_channel > 255:
            raise Refused("unsupported_transport", f"the camera chose the transport {transport[:80]!r}")
        self._connection.route(rtp, self._packets)
        self._connection.route(self._rtcp_channel, _RtcpTaker(self._take_rtcp))

    def send_rtcp(self, packet: bytes) -> None:
        """Send a report inside the connection."""
        self._connection.send_packet(self._rtcp_channel, packet)

    def close(self) -> None:
        """Free nothing: the connection has another owner."""


class _Port(asyncio.DatagramProtocol):
    """A UDP port that hears one host only."""

    def __init__(self, host: str, take: Callable[[bytes], None]) -> None:
        self.number = 0
        self.received_bytes = 0
        self._host = host
        self._take = take
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.DatagramTransport", transport)  # Python 3.11 does not derive it from that
        bound: socket.socket = transport.get_extra_info("socket")
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER_BYTES)
        self.number = transport.get_extra_info("sockname")[1]

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        if addr[0] == self._host:
            self.received_bytes += len(data)
            self._take(data)

    def send(self, data: bytes, port: int) -> None:
        if self._transport is not None and port:
            self._transport.sendto(data, (self._host, port))

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()


class Datagrams:
    """Media by UDP, put into order. Made by `datagrams`."""

    def __init__(self, rtp: _Port, rtcp: _Port) -> None:
        """Use an even port and the odd one after it."""
        self._rtp, self._rtcp = rtp, rtcp
        self._server_rtp = self._server_rtcp = 0

    @property
    def offer(self) -> str:
        """The value of the Transport header for SETUP."""
        return f"RTP/AVP;unicast;client_port={self._rtp.number}-{self._rtcp.number}"

    @property
    def received_bytes(self) -> int:
        """Bytes of all datagrams of the camera."""
        return self._rtp.received_bytes + self._rtcp.received_bytes

    def begin(self, transport: str) -> None:
        """Open the way for the camera's packets, by the ports that it names; it cannot name another host."""
        ports = re.search(r"server_port=(\d{1,5})(?:-(\d{1,5}))?", transport)
        if ports and int(ports[1]) < 65535:
            self._server_rtp = int(ports[1])
            self._server_rtcp = min(65535, int(ports[2] or self._server_rtp + 1))
        with contextlib.suppress(OSError):
            self._rtp.send(_PUNCH, self._server_rtp)

    def send_rtcp(self, packet: bytes) -> None:
        """Send a report to the camera's RTCP port, if it has told one."""
        self._rtcp.send(packet, self._server_rtcp)

    def close(self) -> None:
        """Free both ports."""
        self._rtp.close()
        self._rtcp.close()


async def datagrams(connection: Connection, depacketiser: Depacketiser, take_rtcp: TakeRtcp) -> Datagrams:
    """Bind a pair of UDP ports on the way to the camera of `connection`; raise Refused if none is free."""
    window = ReorderWindow()

    def take(packet: bytes) -> None:
        for ready in window.put(packet):
            depacketiser.feed(memoryview(ready), 0, len(ready))

    loop = asyncio.get_running_loop()
    local, remote = connection.local_host, connection.remote_host
    for _ in range(PORT_TRIES):
        _, rtp = await loop.create_datagram_endpoint(lambda: _Port(remote, take), local_addr=(local, 0))
        if rtp.number % 2 == 0:
            try:
                _, rtcp = await loop.create_datagram_endpoint(
                    lambda: _Port(remote, lambda packet: take_rtcp(memoryview(packet))),
                    local_addr=(local, rtp.number + 1),
                )
            except OSError:
                rtp.close()
                continue
            return Datagrams(rtp, rtcp)
        rtp.close()
    raise Refused("no_ports", "no pair of UDP ports is free on this box")
