"""Everybody on this machine's loopback address, and a relay between each box and the hub: needs no privilege."""

import resource
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from federation.testing.ports import HOST, reserved
from hil_tests.network.ground import Endpoint
from hil_tests.network.relay import Relay

MOST_ENDPOINTS = 12
ROOM_LEFT_BYTES = 4096  # no file of a full disk grows beyond this


@dataclass(frozen=True, kw_only=True)
class LimitedDisk:
    """A plain folder; it is full for a process that may not write behind the first few bytes of a file."""

    seen: Path

    async def fill(self, *, full: bool, writer: int | None) -> None:
        """Set the limit of the writing process; one that is started anew writes again."""
        if writer is None:
            return
        soft = ROOM_LEFT_BYTES if full else resource.RLIM_INFINITY
        try:
            resource.prlimit(writer, resource.RLIMIT_FSIZE, (soft, resource.RLIM_INFINITY))
        except ProcessLookupError:
            return  # it has just been killed


@dataclass(frozen=True, kw_only=True)
class RelayedParty:
    """A box on the loopback address."""

    wire: Relay

    def command(self, *words: str) -> tuple[str, ...]:
        """Return the words: programs run as they are."""
        return words

    async def reach(self, endpoint: Endpoint) -> Endpoint:
        """Open a port that is relayed to the endpoint."""
        return Endpoint(host=HOST, port=await self.wire.port_for(endpoint.port))

    async def disk(self, folder: Path) -> LimitedDisk:
        """Take the folder as it is."""
        return LimitedDisk(seen=folder)


@dataclass(frozen=True, kw_only=True)
class RelayedCentre:
    """Hub and broker on the loopback address."""

    wire: Relay
    ports: tuple[int, ...]

    def command(self, *words: str) -> tuple[str, ...]:
        """Return the words: programs run as they are."""
        return words

    def listening(self, count: int) -> tuple[Endpoint, ...]:
        """Return endpoints on reserved ports."""
        return tuple(Endpoint(host=HOST, port=port) for port in self.ports[:count])

    async def broker_line(self, *brokers: Endpoint) -> tuple[Endpoint, ...]:
        """Open a relayed port for every broker."""
        return tuple([Endpoint(host=HOST, port=await self.wire.port_for(each.port)) for each in brokers])


@dataclass(kw_only=True)
class RelayedGround:
    """The ground of relays; made by `relayed_ground`."""

    centre: RelayedCentre
    name: str = field(default="relay", init=False)

    @asynccontextmanager
    async def party(self) -> AsyncIterator[RelayedParty]:
        """Make one more party for as long as the context is open."""
        async with Relay() as line:
            yield RelayedParty(wire=line)


@asynccontextmanager
async def relayed_ground() -> AsyncIterator[RelayedGround]:
    """Reserve ports and give the ground for as long as the context is open."""
    with ExitStack() as stack:
        ports = stack.enter_context(reserved(MOST_ENDPOINTS))
        async with Relay() as line:
            yield RelayedGround(centre=RelayedCentre(wire=line, ports=tuple(ports)))
