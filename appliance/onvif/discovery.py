"""Finds the ONVIF cameras of the local network by WS-Discovery (OASIS WS-Discovery 1.0 draft, 2005/04)."""

import asyncio
import socket
from collections.abc import Iterable
from contextlib import suppress
from typing import cast
from urllib.parse import unquote, urlsplit
from uuid import uuid4

from appliance.onvif import soap
from appliance.onvif.errors import OnvifError
from appliance.onvif.values import Found

GROUP, PORT = "239.255.255.250", 3702
SEARCH_S = 3.0
REPEATS_S = (0.0, 0.3, 0.9)  # one datagram may get lost
MOST_FOUND = 1024
LARGEST_DATAGRAM_BYTES = 65_535
SCOPE = "onvif://www.onvif.org/"

PROBE = "<d:Probe><d:Types>dn:NetworkVideoTransmitter</d:Types></d:Probe>"
HEADER = (
    "<wsa:MessageID>urn:uuid:{id}</wsa:MessageID>"
    "<wsa:To>urn:schemas-xmlsoap-org:ws:2005:04:discovery</wsa:To>"
    "<wsa:Action>http://schemas.xmlsoap.org/ws/2005/04/discovery/Probe</wsa:Action>"
)
EVERYWHERE = "0.0.0.0"  # noqa: S104 - the system chooses the interface; nothing but answers is received


async def discover(
    *, within_s: float = SEARCH_S, addresses: Iterable[str] = (EVERYWHERE,), group: str = GROUP, port: int = PORT
) -> tuple[Found, ...]:
    """Search for `within_s` seconds from each of our own `addresses`; return the cameras that answered, by address.

    At most `MOST_FOUND` are remembered. An address that cannot be searched from is passed over.
    """
    search = _Search()
    loop = asyncio.get_running_loop()
    transports: list[asyncio.DatagramTransport] = []
    try:
        for address in addresses:
            with suppress(OSError):
                made, _ = await loop.create_datagram_endpoint(lambda: search, sock=_probe_socket(address))
                transports.append(made)
        for pause_s, next_s in zip(REPEATS_S, (*REPEATS_S[1:], within_s), strict=True):
            for transport in transports:
                transport.sendto(_probe(), (group, port))
            await asyncio.sleep(max(0.0, min(next_s, within_s) - pause_s))
    finally:
        for transport in transports:
            transport.close()
    return tuple(sorted(search.found.values(), key=lambda found: found.urls))


def read_matches(content: bytes) -> tuple[Found, ...]:
    """Return the cameras of one answer; what is no answer has none."""
    try:
        body = soap.read(content)
    except OnvifError:
        return ()
    found = []
    for match in body.iterfind("d:ProbeMatches/d:ProbeMatch", soap.NAMESPACES):
        urls = tuple(url for url in soap.text(match, "d:XAddrs").split() if _is_web_address(url))
        endpoint = soap.text(match, "wsa:EndpointReference/wsa:Address")[:200]
        if endpoint and urls:
            scopes = soap.text(match, "d:Scopes").split()
            found.append(
                Found(
                    endpoint=endpoint,
                    urls=_ipv4_first(urls)[:8],
                    name=_scope(scopes, "name"),
                    hardware=_scope(scopes, "hardware"),
                    location=_scope(scopes, "location"),
                )
            )
    return tuple(found)


class _Search(asyncio.DatagramProtocol):
    """Collects answers by the camera's own id, so that one that answers twice is found once."""

    def __init__(self) -> None:
        self.found: dict[str, Found] = {}

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:  # noqa: ARG002 - asyncio's own signature
        for camera in read_matches(data[:LARGEST_DATAGRAM_BYTES]):
            if len(self.found) < MOST_FOUND:
                self.found.setdefault(camera.endpoint, camera)


def _probe() -> bytes:
    return soap.envelope(PROBE, HEADER.format(id=uuid4()))


def _probe_socket(address: str) -> socket.socket:
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, 1)
        sock.bind((address, 0))
        if address != EVERYWHERE:
            sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton(address))
    except OSError:
        sock.close()
        raise
    return sock


def _is_web_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme in {"http", "https"} and bool(parts.hostname) and len(url) <= 200


def _ipv4_first(urls: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(sorted(urls, key=lambda url: ":" in cast("str", urlsplit(url).hostname)))


def _scope(scopes: Iterable[str], kind: str) -> str:
    prefix = f"{SCOPE}{kind}/"
    return next((unquote(scope.removeprefix(prefix))[:64] for scope in scopes if scope.startswith(prefix)), "")
