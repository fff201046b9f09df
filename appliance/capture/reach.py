"""Which network addresses pictures, and results of them, may be delivered to or fetched from.

A target is typed in by people, here or at the hub. It must not make this box talk to itself, where services trust
whoever comes from the same machine, nor to the addresses at which clouds give away keys.
"""

import ipaddress
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from socket import AddressFamily

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import ThreadedResolver

GIVES_AWAY_KEYS = frozenset(map(ipaddress.ip_address, ("100.100.100.200", "fd00:ec2::254")))
"""Metadata services that are not at link-local addresses: those of Alibaba Cloud and, over IPv6, of AWS."""


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
    never = address.is_link_local or address.is_multicast or address.is_unspecified or address in GIVES_AWAY_KEYS
    if never or (not to_this_box and (address.is_loopback or _is_own(address))):
        msg = f"nothing is delivered to {address}"
        raise ForbiddenAddress(msg)


def _is_own(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    """Tell whether an address is one of this box: only those can be bound."""
    family = AddressFamily.AF_INET if address.version == 4 else AddressFamily.AF_INET6
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.bind((str(address), 0))
    except OSError:
        return False
    return True


class CheckedResolver(AbstractResolver):
    """Resolves names, and refuses those that lead to a forbidden address."""

    def __init__(self, *, to_this_box: bool) -> None:
        """Allow addresses of this box only if `to_this_box`."""
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


@asynccontextmanager
async def checked_session(*, within_s: float, to_this_box: bool, at_once: int) -> AsyncIterator[aiohttp.ClientSession]:
    """Give what asks services: no forbidden addresses, no cookies, no proxies of the environment, nothing unpacked.

    An address that is no name is to be looked at with `check` before it is asked.
    """
    async with aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=at_once, resolver=CheckedResolver(to_this_box=to_this_box)),
        cookie_jar=aiohttp.DummyCookieJar(),
        timeout=aiohttp.ClientTimeout(total=within_s),
        auto_decompress=False,
        trust_env=False,
    ) as session:
        yield session


def forbidden_in(error: Exception) -> ForbiddenAddress | None:
    """Return the forbidden address that a session's `error` is about, None if it is about something else."""
    cause = error.__cause__ if isinstance(error, aiohttp.ClientError) else error
    return cause if isinstance(cause, ForbiddenAddress) else None
