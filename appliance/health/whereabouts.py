"""Where this box can be found on its local network, and which boot of it this is."""

import fcntl
import ipaddress
import socket
import struct
from pathlib import Path
from urllib.parse import urlsplit

from federation.messages.presence import MOST_PROBE_URLS

BOOT_ID_FILE = Path("/proc/sys/kernel/random/boot_id")
SIOCGIFADDR = 0x8915  # netdevice(7)
INTERFACE_NAME_BYTES = 15


def boot_id() -> str:
    """Return what is the same for all programs since the machine was booted, "" where nobody knows. Blocks."""
    try:
        return BOOT_ID_FILE.read_text(encoding="ascii").strip()
    except OSError:
        return ""


def probe_urls(panel_url: str) -> tuple[str, ...]:
    """Return where neighbours may look whether the panel at `panel_url` answers. Blocks.

    A panel that listens on all addresses is found at every IPv4 address of the box but loopback.
    """
    panel = urlsplit(panel_url)
    try:
        listens = ipaddress.ip_address(panel.hostname or "")
    except ValueError:
        return ()
    addresses = _own_addresses() if listens.is_unspecified else (listens,)
    return tuple(f"{panel.scheme}://{_in_url(address)}:{panel.port}" for address in addresses[:MOST_PROBE_URLS])


def _own_addresses() -> tuple[ipaddress.IPv4Address | ipaddress.IPv6Address, ...]:
    found = [_address_of(name) for _, name in socket.if_nameindex()]
    return tuple(address for address in found if address is not None and not address.is_loopback)


def _address_of(interface: str) -> ipaddress.IPv4Address | None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        request = struct.pack("256s", interface.encode()[:INTERFACE_NAME_BYTES])
        try:
            answer = fcntl.ioctl(probe.fileno(), SIOCGIFADDR, request)
        except OSError:
            return None  # it has no IPv4 address
    return ipaddress.IPv4Address(answer[20:24])


def _in_url(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> str:
    return f"[{address}]" if address.version == 6 else str(address)
