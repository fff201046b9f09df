"""Where a camera is: the parts of its address, and of the one that it redirects to."""

import ipaddress
from dataclasses import dataclass
from urllib.parse import urljoin, urlsplit, urlunsplit

from appliance.streams.errors import Refused

DEFAULT_PORTS = {"rtsp": 554, "rtsps": 322}


@dataclass(frozen=True, kw_only=True)
class Address:
    """A camera's address; `url` holds neither user name nor password."""

    url: str
    host: str
    port: int
    secure: bool

    @property
    def is_literal(self) -> bool:
        """Tell whether the host is an IP address, which no name server needs to be asked for."""
        try:
            ipaddress.ip_address(self.host.partition("%")[0])
        except ValueError:
            return False
        return True


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
