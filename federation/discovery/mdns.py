"""Advertising and browsing over one responder, which follows the addresses of its interfaces."""

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from ipaddress import ip_address
from typing import Any

from zeroconf import IPVersion, ServiceStateChange, Zeroconf
from zeroconf.asyncio import AsyncServiceBrowser, AsyncServiceInfo, AsyncZeroconf

from federation.discovery.errors import BadService, NoMulticast
from federation.discovery.interfaces import own_addresses
from federation.discovery.service import Service, heard_service, write_properties

log = logging.getLogger(__name__)

LOOK_EVERY_S = 15.0
CLOSE_WITHIN_S = 5.0
RESOLVE_WITHIN_MS = 6000
RESOLVERS = 4
FLUSHED_AFTER_S = 1.5
MOST_SERVICES = 256


class Advertisement:
    """A service that the network is told of, until its context ends."""

    def __init__(self, zeroconf: AsyncZeroconf, service: Service, addresses: Sequence[str]) -> None:
        """Prepare; nothing is sent yet."""
        self.service = service
        self._zeroconf = zeroconf
        self._addresses = tuple(addresses)
        self._info = _info(service, self._addresses)

    async def begin(self) -> None:
        """Ask whether the name is free, take another like it if not, and announce the service; about a second."""
        announced = await self._zeroconf.async_register_service(self._info, allow_name_change=True)
        await announced
        self.service = replace(self.service, name=self._info.get_name())

    async def change(self, service: Service) -> None:
        """Announce other addresses, properties or another port; the name stays. Raises BadService."""
        self.service = replace(service, kind=self.service.kind, name=self.service.name).checked()
        self._info = _info(self.service, self._addresses)
        self._info.set_server_if_missing()
        await (await self._zeroconf.async_update_service(self._info))

    async def move(self, addresses: Sequence[str]) -> None:
        """Announce the service at the addresses that its interfaces have now."""
        self._addresses = tuple(addresses)
        await self.change(self.service)

    async def end(self) -> None:
        """Say goodbye, so that nobody keeps the service in memory."""
        with suppress(TimeoutError):
            async with asyncio.timeout(CLOSE_WITHIN_S):
                await (await self._zeroconf.async_unregister_service(self._info))


class Browsing:
    """The services of one kind that the network tells of, at most `limit`; read it at any time.

    `ignored` counts descriptions that were malformed or never completed, `overlooked` those beyond the limit.
    """

    def __init__(self, kind: str, *, required: frozenset[str], limit: int, loopback: bool) -> None:
        """Remember nothing yet."""
        self.ignored = 0
        self.overlooked = 0
        self.changes = 0
        self._kind = kind
        self._required = required
        self._limit = limit
        self._loopback = loopback
        self._known: dict[str, Service] = {}
        self._waiting: dict[str, None] = {}
        self._asked: set[str] = set()
        self._heard = asyncio.Event()
        self._changed = asyncio.Event()

    @property
    def services(self) -> tuple[Service, ...]:
        """The services that are there now, by name."""
        return tuple(service for _, service in sorted(self._known.items()))

    async def changed(self, since: int, *, within_s: float) -> bool:
        """Wait until `changes` is larger than `since`; return False if it is not after `within_s`."""
        with suppress(TimeoutError):
            async with asyncio.timeout(within_s):
                while self.changes <= since:
                    self._changed.clear()
                    await self._changed.wait()
        return self.changes > since

    def hear(self, name: str, change: ServiceStateChange) -> None:
        """Take note of a full name (`box-1._fsart._tcp.local.`) that came, changed or went."""
        if change is ServiceStateChange.Removed:
            self._waiting.pop(name, None)
            self._asked.discard(name)
            self._keep(name, None)
        elif name not in self._known and len(self._known.keys() | self._waiting | self._asked) >= self._limit:
            self.overlooked += 1
        else:
            self._waiting[name] = None
            self._heard.set()

    async def resolve_forever(self, zeroconf: Zeroconf) -> None:
        """Ask for port, addresses and properties of what was heard, until cancelled."""
        while True:
            while not self._waiting:
                self._heard.clear()
                await self._heard.wait()
            name = next(iter(self._waiting))
            del self._waiting[name]
            self._asked.add(name)
            try:
                await self._ask(zeroconf, name)
            finally:
                self._asked.discard(name)

    async def _ask(self, zeroconf: Zeroconf, name: str) -> None:
        # What a box had before stays in everybody's cache for a second after a change (RFC 6762 §10.2).
        pauses_s = (0.0, FLUSHED_AFTER_S) if name in self._known else (0.0,)
        for pause_s in pauses_s:
            await asyncio.sleep(pause_s)
            service = await self._resolve(zeroconf, name)
            if name not in self._asked:
                return  # its goodbye came meanwhile
            self._keep(name, service)

    async def _resolve(self, zeroconf: Zeroconf, name: str) -> Service | None:
        try:
            info = AsyncServiceInfo(f"{self._kind}.local.", name)
            await info.async_request(zeroconf, RESOLVE_WITHIN_MS)
            return self._read(info)
        except (BadService, ValueError) as error:
            self.ignored += 1
            log.debug("service %r ignored: %s", name[:80], error)
            return None

    def _read(self, info: AsyncServiceInfo) -> Service:
        return heard_service(
            kind=self._kind,
            name=info.get_name(),
            port=info.port,
            addresses=info.parsed_scoped_addresses(IPVersion.All),
            txt=info.text,
            required=self._required,
            loopback=self._loopback,
        )

    def _keep(self, name: str, service: Service | None) -> None:
        if self._known.get(name) == service:
            return
        self._known.pop(name, None)
        if service is not None:
            self._known[name] = service
        self.changes += 1
        self._changed.set()


class Mdns:
    """The one responder of a process; get it from `open_mdns`."""

    def __init__(self, zeroconf: AsyncZeroconf, addresses: Sequence[str]) -> None:
        """Use an open zeroconf that speaks at `addresses`."""
        self._zeroconf = zeroconf
        self._addresses = tuple(addresses)
        self._advertised: list[Advertisement] = []

    @asynccontextmanager
    async def advertise(self, service: Service) -> AsyncIterator[Advertisement]:
        """Tell the network of `service` while the context is open, then say goodbye; raise BadService."""
        advertisement = Advertisement(self._zeroconf, service.checked(), self._addresses)
        self._advertised.append(advertisement)
        try:
            await advertisement.begin()
            yield advertisement
        finally:
            self._advertised.remove(advertisement)
            await advertisement.end()

    @asynccontextmanager
    async def browse(
        self, kind: str, *, required: Sequence[str] = (), limit: int = MOST_SERVICES
    ) -> AsyncIterator[Browsing]:
        """Watch services of `kind` while the context is open.

        Those without every property in `required`, or otherwise malformed, are ignored and counted.
        """
        loopback = any(ip_address(address).is_loopback for address in self._addresses)
        seen = Browsing(kind, required=frozenset(required), limit=limit, loopback=loopback)

        def heard(*, name: str, state_change: ServiceStateChange, **_more: Any) -> None:
            seen.hear(name, state_change)

        async with asyncio.TaskGroup() as group:
            zeroconf = self._zeroconf.zeroconf
            resolvers = [
                group.create_task(seen.resolve_forever(zeroconf), name=f"mdns-resolver-{number}")
                for number in range(RESOLVERS)
            ]
            browser = AsyncServiceBrowser(zeroconf, f"{kind}.local.", handlers=[heard])
            try:
                yield seen
            finally:
                for resolver in resolvers:
                    resolver.cancel()
                await browser.async_cancel()

    async def follow(self, interfaces: Sequence[str], *, look_every_s: float) -> None:
        """Move to the addresses that `interfaces` have, whenever they change, until cancelled."""
        while True:
            await asyncio.sleep(look_every_s)
            addresses = await asyncio.to_thread(own_addresses, interfaces)
            if addresses != self._addresses:
                log.info("multicast DNS at %s", ", ".join(addresses) or "no address")
                await self._move(addresses)

    async def _move(self, addresses: tuple[str, ...]) -> None:
        self._addresses = addresses
        await self._zeroconf.async_update_interfaces(list(addresses))
        # zeroconf has announced the former addresses there; a newer announcement replaces only what is a second old.
        await asyncio.sleep(FLUSHED_AFTER_S)
        for advertisement in tuple(self._advertised):
            await advertisement.move(addresses)


@asynccontextmanager
async def open_mdns(*, interfaces: Sequence[str] = (), look_every_s: float = LOOK_EVERY_S) -> AsyncIterator[Mdns]:
    """Speak multicast DNS on `interfaces` (names or addresses; none: all but loopback) while the context is open.

    An interface may get its address later, lose it, or get another: it is looked at every `look_every_s`.
    Raises NoMulticast.
    """
    addresses = await asyncio.to_thread(own_addresses, interfaces)
    try:
        zeroconf = AsyncZeroconf(interfaces=list(addresses), ip_version=IPVersion.V4Only)
    except OSError as error:
        raise NoMulticast(f"multicast DNS cannot be used: {error.strerror or error}") from error
    mdns = Mdns(zeroconf, addresses)
    try:
        async with asyncio.TaskGroup() as group:
            follower = group.create_task(mdns.follow(interfaces, look_every_s=look_every_s), name="mdns-addresses")
            try:
                yield mdns
            finally:
                follower.cancel()
    finally:
        await zeroconf.async_close()


def _info(service: Service, addresses: Sequence[str]) -> AsyncServiceInfo:
    kind = f"{service.kind}.local."
    return AsyncServiceInfo(
        kind,
        f"{service.name}.{kind}",
        port=service.port,
        properties=write_properties(service.properties),
        parsed_addresses=list(service.addresses or addresses),
    )
