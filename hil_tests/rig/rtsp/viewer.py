"""The two ways in which a viewer gets its packets: inside the RTSP connection, or by UDP."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

from hil_tests.rig.rtsp.timeline import PackedUnit, framed

BACKLOG_LIMIT_BYTES = 1 << 20
"""More than this waiting for one viewer, and it misses everything up to the next key unit."""

Address = tuple[str, int]


class InterleavedViewer:
    """Takes RTP on one channel of its RTSP connection, and RTCP on the next."""

    def __init__(self, transport: asyncio.WriteTransport, channel: int) -> None:
        self._transport = transport
        self._channel = channel

    def has_room(self) -> bool:
        """Tell whether the connection's backlog is under the limit."""
        return self._transport.get_write_buffer_size() < BACKLOG_LIMIT_BYTES

    def send(self, unit: PackedUnit) -> None:
        """Write the unit to the connection's buffer."""
        if not self._transport.is_closing():
            self._transport.write(unit.interleaved(self._channel))

    def report(self, packet: bytes) -> None:
        """Write an RTCP packet to the connection's buffer."""
        if not self._transport.is_closing():
            self._transport.write(framed(packet, self._channel + 1))

    def abort(self) -> None:
        """Cut the RTSP connection."""
        self._transport.abort()

    def leave(self) -> None:
        """Free nothing: the connection has another owner."""


class MediaPort(asyncio.DatagramProtocol):
    """A UDP port that sends to many; what comes from an address goes to whoever wants to hear it."""

    def __init__(self) -> None:
        self.has_room = True
        self.number = 0
        self.listeners: dict[Address, Callable[[bytes], None]] = {}
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport; called by asyncio."""
        self._transport = cast("asyncio.DatagramTransport", transport)  # Python 3.11 does not derive it from that
        self.number = transport.get_extra_info("sockname")[1]

    def datagram_received(self, data: bytes, addr: Address) -> None:
        """Pass on what a client sends; called by asyncio."""
        listener = self.listeners.get(addr)
        if listener is not None:
            listener(data)

    def pause_writing(self) -> None:
        """Note that the send queue is long; called by asyncio."""
        self.has_room = False

    def resume_writing(self) -> None:
        """Note that the send queue is short again; called by asyncio."""
        self.has_room = True

    def send(self, packet: bytes, address: Address) -> None:
        """Queue one datagram; nothing happens once the port is closed."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.sendto(packet, address)

    def close(self) -> None:
        """Free the port."""
        if self._transport is not None:
            self._transport.close()


@dataclass(frozen=True, kw_only=True)
class MediaPorts:
    """An even port for RTP, and the odd one after it for RTCP."""

    rtp: MediaPort
    rtcp: MediaPort

    def close(self) -> None:
        """Free both."""
        self.rtp.close()
        self.rtcp.close()


class DatagramViewer:
    """Takes RTP by UDP at the address from which its RTSP connection comes, and RTCP at the next port."""

    def __init__(
        self, media: MediaPorts, address: Address, session: asyncio.WriteTransport, hear: Callable[[bytes], None]
    ) -> None:
        self._media = media
        self._address = address
        self._reports = (address[0], address[1] + 1)
        self._session = session
        media.rtcp.listeners[self._reports] = hear

    def has_room(self) -> bool:
        """Tell whether the server's own send queue is short; the network may still lose packets."""
        return self._media.rtp.has_room

    def send(self, unit: PackedUnit) -> None:
        """Send every packet of the unit as a datagram."""
        for packet in unit.packets:
            self._media.rtp.send(packet, self._address)

    def report(self, packet: bytes) -> None:
        """Send an RTCP packet."""
        self._media.rtcp.send(packet, self._reports)

    def abort(self) -> None:
        """Cut the RTSP connection, which ends the session."""
        self._session.abort()

    def leave(self) -> None:
        """Hear the client no more."""
        self._media.rtcp.listeners.pop(self._reports, None)


async def open_media_ports(host: str) -> MediaPorts:
    """Bind a pair of ports on `host`; raise OSError if there is none."""
    loop = asyncio.get_running_loop()
    for _ in range(64):
        _, rtp = await loop.create_datagram_endpoint(MediaPort, local_addr=(host, 0))
        if rtp.number % 2 == 0 and rtp.number < 65535:
            try:
                _, rtcp = await loop.create_datagram_endpoint(MediaPort, local_addr=(host, rtp.number + 1))
            except OSError:
                rtp.close()
                continue
            return MediaPorts(rtp=rtp, rtcp=rtcp)
        rtp.close()
    raise OSError("no free pair of UDP ports")
