"""Which network addresses pictures may be delivered to.

A target is typed in by people, here or at the hub. It must not make this box talk to itself, where services trust
whoever comes from the same machine, nor to the link-local addresses at which clouds give away keys.
"""

import ipaddress
from socket import AddressFamily

from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import ThreadedResolver


class ForbiddenAddress(OSError):
    """A name or address leads to where no picture goes."""


def check(host: str, *, to_this_box: bool) -> None:
    """Raise ForbiddenAddress if `host` is an address to which nothing is delivered; names are checked when resolved."""
    try:
        address = ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    if address.is_loopback and to_this_box:
        return
    if address.is_loopback or address.is_link_local or address.is_multicast or address.is_unspecified:
        msg = f"nothing is delivered to {address}"
        raise ForbiddenAddress(msg)


class CheckedResolver(AbstractResolver):
    """Resolves names, and refuses those that lead to a forbidden address."""

    def __init__(self, *, to_this_box: bool) -> None:
        """Allow loopback addresses only if `to_this_box`."""
        self._resolver = ThreadedResolver()
        self._to_this_box = to_this_box

    async def resolve(
        self, host: str, port: int = 0, family: AddressFamily = AddressFamily.AF_UNSPEC
    ) -> list[ResolveResult]:
        """Return the addresses of a name; raise ForbiddenAddress if one of them is forbidden, OSError."""
        found = await self._resolver.resolve(host, port, family)
        for each in found:
            check(each["host"], to_this_box=self._to_this_box)
        return found

    async def close(self) -> None:
        """Free what resolving takes."""
        await self._resolver.close()
