"""The WS-Discovery side of simulated cameras: answers who searches on the local network."""

import asyncio
import socket
import struct
import uuid
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from xml.etree.ElementTree import ParseError

from defusedxml.ElementTree import fromstring

from hil_tests.rig.onvif import answers
from hil_tests.rig.onvif.server import HOST, ServedCamera

GROUP, PORT = "239.255.255.250", 3702
NAMES = {
    "s": "http://www.w3.org/2003/05/soap-envelope",
    "wsa": "http://schemas.xmlsoap.org/ws/2004/08/addressing",
    "d": "http://schemas.xmlsoap.org/ws/2005/04/discovery",
}


@asynccontextmanager
async def answering_probes(
    cameras: Sequence[ServedCamera], *, address: str = HOST, group: str = GROUP, port: int = PORT
) -> AsyncIterator[int]:
    """Answer searches on the interface of `address` for as long as the context is open; yield the port.

    `port` 0 takes a free one, for tests that run beside each other.
    """
    loop = asyncio.get_running_loop()
    sock = _joined(address, group, port)
    # What is bound to the group cannot be the sender of an answer.
    answers_out, _ = await loop.create_datagram_endpoint(asyncio.DatagramProtocol, local_addr=(address, 0))
    transport, _ = await loop.create_datagram_endpoint(lambda: _Responder(cameras, answers_out), sock=sock)
    try:
        yield int(sock.getsockname()[1])
    finally:
        transport.close()
        answers_out.close()


class _Responder(asyncio.DatagramProtocol):
    def __init__(self, cameras: Sequence[ServedCamera], answers_out: asyncio.DatagramTransport) -> None:
        self._cameras = cameras
        self._answers_out = answers_out

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        try:
            root = fromstring(data, forbid_dtd=True)
        except (ParseError, ValueError):
            return
        if root.find("s:Body/d:Probe", NAMES) is None:
            return
        question = root.findtext("s:Header/wsa:MessageID", "", NAMES)
        for served in self._cameras:
            endpoint = str(uuid.uuid5(uuid.NAMESPACE_OID, served.camera.serial))
            answer = answers.probe_match(served.camera, url=served.url, endpoint=endpoint, relates_to=question)
            self._answers_out.sendto(answer, addr)


def _joined(address: str, group: str, port: int) -> socket.socket:
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        sock.setblocking(False)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((group, port))
        membership = struct.pack("4s4s", socket.inet_aton(group), socket.inet_aton(address))
        sock.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, membership)
    except OSError:
        sock.close()
        raise
    return sock
