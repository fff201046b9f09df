"""The addresses of this machine on which it speaks multicast DNS: IPv4, as the networks of sites are."""

from collections.abc import Sequence
from ipaddress import IPv4Address

import ifaddr


def own_addresses(interfaces: Sequence[str]) -> tuple[str, ...]:
    """Return the present IPv4 addresses of `interfaces`, given by name or address; of none: all but loopback.

    Reads the kernel's list, so it runs on a thread. An interface without an address gives none.
    """
    return tuple(sorted(_chosen(interfaces), key=IPv4Address))


def _chosen(interfaces: Sequence[str]) -> set[str]:
    found: set[str] = set()
    for adapter in ifaddr.get_adapters():
        for ip in adapter.ips:
            if not isinstance(ip.ip, str):
                continue  # IPv6 addresses are tuples
            wanted = adapter.name in interfaces or ip.ip in interfaces
            if wanted or (not interfaces and not IPv4Address(ip.ip).is_loopback):
                found.add(ip.ip)
    return found
