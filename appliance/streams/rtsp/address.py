"""Where a camera is: the parts of its address, and of the one that it redirects to."""

import ipaddress
import socket
from dataclasses import dataclass
from functools import cached_property, lru_cache
from urllib.parse import urljoin, urlsplit, urlunsplit

from appliance.streams.errors import Refused

DEFAULT_PORTS = {"rtsp": 554, "rtsps": 322}
KNOWN_ADDRESSES = 4096  # are kept: each is read again with every attempt


@dataclass(frozen=True, kw_only=True)
class Address:
    """A camera's address; `url` holds neither user name nor password."""

    url: str
    host: str
    port: int
    secure: bool

    @cached_property
    def family(self) -> socket.AddressFamily | None:
        """The family of an IP address; None for a name, which a name server must be asked for."""
        try:
            version = ipaddress.ip_address(self.host.partition("%")[0]).version
        except ValueError:
            return None
        return socket.AF_INET if version == 4 else socket.AF_INET6


@lru_cache(maxsize=KNOWN_ADDRESSES)
def read_address(url: str) -> Address:
    """Return the parts of `url`; raise Refused, since a plan may bring any text as an address."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise Refused("bad_address", f"the address is not rtsp://host:port/…: {error}") from error
    if parts.scheme not in DEFAULT_PORTS or not host or not url.isprintable() or " " in url:
        raise Refused("bad_address", "the address is not rtsp://host… or rtsps://host…")
    bare = urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
    return Address(url=bare, host=host, port=port or DEFAULT_PORTS[parts.scheme], secure=parts.scheme == "rtsps")


def follow(address: Address, location: str) -> Address:
    """Return where `address` redirects to; raise Refused for nonsense, and for a way out of TLS."""
    target = read_address(urljoin(address.url, location.strip()))
    if address.secure and not target.secure:
        raise Refused("insecure_redirect", "the camera wants to lead from rtsps:// to rtsp://")
    return target
