"""Hub and broker in one cell, every box in its own, all plugged into a bridge that has a cell for itself."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from hil_tests.network.cell import Cell, cell
from hil_tests.network.errors import NetworkError
from hil_tests.network.ground import Endpoint
from hil_tests.network.packets import BrokerWire, PartyWire, Plug

NETWORK = "10.87.0"
CENTRE_HOST = f"{NETWORK}.1"
FIRST_BOX = 11
FIRST_PORT = 8801
TRIES = 20
ROOMY = "2g"  # taken from memory only as far as it is written


@dataclass(frozen=True, kw_only=True)
class MemoryDisk:
    """A file system of its own, in memory: a full one has no page left, for whoever writes."""

    cell: Cell
    folder: Path

    @property
    def seen(self) -> Path:
        """The folder as this process sees it."""
        return self.cell.seen(self.folder)

    async def fill(self, *, full: bool, writer: int | None) -> None:
        """Shrink the file system to what is used, or let it grow again."""
        del writer  # it is full for everybody
        if not full:
            await self._resize(ROOMY)
            return
        for _ in range(TRIES):
            with suppress(NetworkError):
                await self._resize(await self._used_bytes())
                return
        await self._resize(await self._used_bytes())

    async def _resize(self, size: int | str) -> None:
        """Give the file system a size; raise NetworkError if more is used, as when somebody writes just now."""
        await self.cell.run("mount", "-o", f"remount,size={size}", str(self.folder))

    async def _used_bytes(self) -> int:
        said = await self.cell.run("df", "--block-size=1", "--output=used", str(self.folder))
        return int(said.split()[-1])


@dataclass(frozen=True, kw_only=True)
class NamespacedParty:
    """A box in its own cell."""

    cell: Cell
    wire: PartyWire

    def command(self, *words: str) -> tuple[str, ...]:
        """Return the command that runs `words` in the cell."""
        return self.cell.command(*words)

    async def reach(self, endpoint: Endpoint) -> Endpoint:
        """Return the endpoint: everybody has an address of their own."""
        return endpoint

    async def disk(self, folder: Path) -> MemoryDisk:
        """Mount a file system over the folder, in the cell alone."""
        await self.cell.run("mount", "-t", "tmpfs", "-o", f"size={ROOMY},mode=700", "tmpfs", str(folder))
        return MemoryDisk(cell=self.cell, folder=folder)


@dataclass(frozen=True, kw_only=True)
class NamespacedCentre:
    """Hub and broker in one cell."""

    cell: Cell
    wire: BrokerWire

    def command(self, *words: str) -> tuple[str, ...]:
        """Return the command that runs `words` in the cell."""
        return self.cell.command(*words)

    def listening(self, count: int) -> tuple[Endpoint, ...]:
        """Return endpoints: every port is free in a network of one's own."""
        return tuple(Endpoint(host=CENTRE_HOST, port=FIRST_PORT + number) for number in range(count))

    async def broker_line(self, *brokers: Endpoint) -> tuple[Endpoint, ...]:
        """Return the brokers: what the hub sends to their ports stays on the cell's loopback."""
        self.wire.ports = tuple(each.port for each in brokers)
        return brokers


@dataclass(kw_only=True)
class NamespacedGround:
    """The ground of namespaces; made by `namespaced_ground`."""

    centre: NamespacedCentre
    bridge: Cell
    name: str = field(default="namespaces", init=False)
    _parties: int = field(default=0, init=False)

    @asynccontextmanager
    async def party(self) -> AsyncIterator[NamespacedParty]:
        """Make one more cell and plug it in, for as long as the context is open."""
        number, self._parties = self._parties, self._parties + 1
        async with cell() as own:
            plug = await _plugged(self.bridge, own, name=f"box{number}", host=f"{NETWORK}.{FIRST_BOX + number}")
            yield NamespacedParty(cell=own, wire=PartyWire(plug=plug, centre=self.centre.cell))


@asynccontextmanager
async def namespaced_ground() -> AsyncIterator[NamespacedGround]:
    """Make bridge and centre for as long as the context is open; raise NetworkError where that is not permitted."""
    async with AsyncExitStack() as stack:
        bridge, centre = await stack.enter_async_context(cell()), await stack.enter_async_context(cell())
        await bridge.run("ip", "link", "add", "bridge", "type", "bridge")
        await bridge.run("ip", "link", "set", "bridge", "up")
        await _plugged(bridge, centre, name="centre", host=CENTRE_HOST)
        yield NamespacedGround(centre=NamespacedCentre(cell=centre, wire=BrokerWire(cell=centre)), bridge=bridge)


async def _plugged(bridge: Cell, party: Cell, *, name: str, host: str) -> Plug:
    """Give the party an `eth0` with an address, whose other end is a port of the bridge."""
    port = f"to-{name}"
    await bridge.run("ip", "link", "add", port, "type", "veth", "peer", "name", "eth0", "netns", str(party.pid))
    await bridge.run("ip", "link", "set", port, "master", "bridge", "up")
    await party.run("ip", "addr", "add", f"{host}/24", "dev", "eth0")
    await party.run("ip", "link", "set", "eth0", "up")
    return Plug(party=party, bridge=bridge, port=port, host=host)
