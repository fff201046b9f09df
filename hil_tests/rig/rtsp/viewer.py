"""The two ways in which a viewer gets its packets: inside the RTSP connection, or by UDP."""

import asyncio
from typing import cast

from hil_tests.rig.rtsp.mount import PackedUnit

BACKLOG_LIMIT_BYTES = 1 << 20
"""More than this waiting for one viewer, and it misses everything up to the next key unit."""


class InterleavedViewer:
    """Takes RTP on one channel of its RTSP connection."""

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

    def abort(self) -> None:
        """Cut the RTSP connection."""
        self._transport.abort()


class MediaPort(asyncio.DatagramProtocol):
    """A UDP port that only sends; what clients send to it (hole punching, RTCP reports) is dropped."""

    def __init__(self) -> None:
        self.has_room = True
        self.number = 0
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport; called by asyncio."""
        self._transport = cast("asyncio.DatagramTransport", transport)  # Python 3.11 does not derive it from that
        self.number = transport.get_extra_info("sockname")[1]

    def pause_writing(self) -> None:
        """Note that the send queue is long; called by asyncio."""
        self.has_room = False

    def resume_writing(self) -> None:
        """Note that the send queue is short again; called by asyncio."""
        self.has_room = True

    def send(self, packet: bytes, address: tuple[str, int]) -> None:
        """Queue one datagram; nothing happens once the port is closed."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.sendto(packet, address)

    def close(self) -> None:
        """Free the port."""
        if self._transport is not None:
            self._transport.close()


class DatagramViewer:
    """Takes RTP by UDP at the address from which its RTSP connection comes."""

    def __init__(self, media: MediaPort, address: tuple[str, int], session: asyncio.WriteTransport) -> None:
        self._media = media
        self._address = address
        self._session = session

    def has_room(self) -> bool:
        """Tell whether the server's own send queue is short; the network may still lose packets."""
        return self._media.has_room

    def send(self, unit: PackedUnit) -> None:
        """Send every packet of the unit as a datagram."""
        for packet in unit.packets:
            self._media.send(packet, self._address)

    def abort(self) -> None:
        """Cut the RTSP connection, which ends the session."""
        self._session.abort()


async def open_media_ports(host: str) -> tuple[MediaPort, MediaPort]:
    """Bind an even RTP port and the odd RTCP port after it on `host`; raise OSError if there is no such pair."""
    loop = asyncio.get_running_loop()
    for _ in range(64):
        _, rtp = await loop.create_datagram_endpoint(MediaPort, local_addr=(host, 0))
        if rtp.number % 2 == 0 and rtp.number < 65535:
            try:
                _, rtcp = await loop.create_datagram_endpoint(MediaPort, local_addr=(host, rtp.number + 1))
            except OSError:
                rtp.close()
                continue
            return rtp, rtcp
        rtp.close()
    raise OSError("no free pair of UDP ports")
