"""A service as one box advertises it; what others say is checked before it becomes one."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import ip_address

from federation.discovery.errors import BadService

KIND = re.compile(r"_[a-z0-9](?:[a-z0-9-]{0,13}[a-z0-9])?\._(?:tcp|udp)")
LONGEST_NAME_BYTES = 63  # one DNS label (RFC 6763 §4.1.1)
LONGEST_ENTRY_BYTES = 255  # `key=value` (RFC 6763 §6.1)
LONGEST_TXT_BYTES = 1300  # what fits one packet (RFC 6763 §6.2)
MOST_PROPERTIES = 32
LONGEST_KEY = 32
MOST_ADDRESSES = 16


@dataclass(frozen=True, kw_only=True)
class Service:
    """One service of one box: `kind` such as `_fsart._tcp`, `name` that no other of its kind on the network has.

    `addresses` are IP addresses as text; left empty by who advertises, they are those of its interfaces.
    `properties` stand in the TXT record: keys in lower case, and values as text.
    """

    kind: str
    name: str
    port: int
    addresses: tuple[str, ...] = ()
    properties: Mapping[str, str] = field(default_factory=dict)

    def checked(self) -> "Service":
        """Return the service itself; raise BadService for what cannot stand in DNS records."""
        if not KIND.fullmatch(self.kind):
            raise BadService(f"{self.kind!r} is no kind of service such as _fsart._tcp")
        _check_name(self.name)
        if not 1 <= self.port <= 65535:
            raise BadService(f"port {self.port} is not within 1 and 65535")
        if read_properties(write_properties(self.properties)) != dict(self.properties):
            raise BadService("property keys are lower case, without '='")
        return self


def heard_service(
    *,
    kind: str,
    name: str,
    port: int | None,
    addresses: Sequence[str],
    txt: bytes,
    required: Iterable[str],
    loopback: bool,
) -> Service:
    """Return the service that a stranger describes; raise BadService if it lacks or exceeds something.

    `required` names properties without which a service of this kind is useless. Addresses that nobody can
    serve at (multicast, unspecified, and loopback unless `loopback`) are left out.
    """
    _check_name(name)
    if not port or not 1 <= port <= 65535:
        raise BadService("there is no port")
    usable = tuple(address for address in addresses if _is_usable(address, loopback=loopback))[:MOST_ADDRESSES]
    if not usable:
        raise BadService("there is no address to connect to")
    properties = read_properties(txt)
    missing = sorted(set(required) - properties.keys())
    if missing:
        raise BadService(f"property {missing[0]} is missing")
    return Service(kind=kind, name=name, port=port, addresses=usable, properties=properties)


def write_properties(properties: Mapping[str, str]) -> bytes:
    """Return a TXT record's data; raise BadService for what does not fit (RFC 6763 §6)."""
    entries = [f"{key}={value}".encode() for key, value in properties.items()]
    if any(len(entry) > LONGEST_ENTRY_BYTES for entry in entries):
        raise BadService(f"a property has more than {LONGEST_ENTRY_BYTES} bytes")
    txt = b"".join(bytes([len(entry)]) + entry for entry in entries)
    if len(txt) > LONGEST_TXT_BYTES:
        raise BadService(f"the properties have more than {LONGEST_TXT_BYTES} bytes")
    return txt


def read_properties(txt: bytes) -> dict[str, str]:
    """Return the properties in a TXT record's data; of a repeated key the first counts (RFC 6763 §6.4).

    Raises BadService where it is too long, cut off, not UTF-8, or has keys that are no printable ASCII.
    """
    if len(txt) > LONGEST_TXT_BYTES:
        raise BadService(f"the TXT record has more than {LONGEST_TXT_BYTES} bytes")
    found: dict[str, str] = {}
    for entry in _entries(txt):
        key, value = _property(entry)
        found.setdefault(key, value)
        if len(found) > MOST_PROPERTIES:
            raise BadService(f"there are more than {MOST_PROPERTIES} properties")
    return found


def _entries(txt: bytes) -> Iterable[bytes]:
    at = 0
    while at < len(txt):
        end = at + 1 + txt[at]
        if end > len(txt):
            raise BadService("the TXT record is cut off")
        if end > at + 1:  # an empty entry says nothing (RFC 6763 §6.1)
            yield txt[at + 1 : end]
        at = end


def _property(entry: bytes) -> tuple[str, str]:
    key, _, value = entry.partition(b"=")
    if not 1 <= len(key) <= LONGEST_KEY or any(not 0x20 <= byte <= 0x7E for byte in key):
        raise BadService("a property's key is empty, too long, or no printable ASCII")
    try:
        return key.decode("ascii").lower(), value.decode()
    except UnicodeDecodeError as error:
        raise BadService("a property's value is not UTF-8") from error


def _check_name(name: str) -> None:
    if not 1 <= len(name.encode(errors="replace")) <= LONGEST_NAME_BYTES or not name.isprintable():
        raise BadService(f"the name does not have 1 to {LONGEST_NAME_BYTES} printable bytes")


def _is_usable(text: str, *, loopback: bool) -> bool:
    try:
        address = ip_address(text)
    except ValueError:
        return False
    if address.is_multicast or address.is_unspecified:
        return False
    return loopback or not address.is_loopback
