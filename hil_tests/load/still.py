"""A ground where nothing happens: everybody on this machine's loopback address, and no relay that costs time."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from federation.testing.ports import HOST, reserved
from hil_tests.chaos.hub_side import ENDPOINTS
from hil_tests.network.ground import Endpoint
from hil_tests.network.weather import FAIR, Weather


@dataclass(frozen=True, kw_only=True)
class StillWire:
    """A line of this machine, which cannot be troubled."""

    @property
    def weather(self) -> Weather:
        """Return the state of the line."""
        return FAIR

    async def become(self, weather: Weather) -> None:
        """Refuse to change."""
        raise NotImplementedError(f"a still line does not become {weather.sky}")


@dataclass(frozen=True, kw_only=True)
class PlainDisk:
    """A folder of this machine."""

    seen: Path

    async def fill(self, *, full: bool, writer: int | None) -> None:
        """Refuse to change."""
        raise NotImplementedError(f"the disk of process {writer} does not become {'full' if full else 'empty'}")


@dataclass(frozen=True, kw_only=True)
class StillParty:
    """A box, or hub and broker."""

    ports: tuple[int, ...] = ()
    wire: StillWire = StillWire()

    def command(self, *words: str) -> tuple[str, ...]:
        """Return the words: programs run as they are."""
        return words

    def listening(self, count: int) -> tuple[Endpoint, ...]:
        """Return endpoints on reserved ports."""
        return tuple(Endpoint(host=HOST, port=port) for port in self.ports[:count])

    async def broker_line(self, *brokers: Endpoint) -> tuple[Endpoint, ...]:
        """Return the brokers as they are."""
        return brokers

    async def reach(self, endpoint: Endpoint) -> Endpoint:
        """Return the endpoint as it is."""
        return endpoint

    async def disk(self, folder: Path) -> PlainDisk:
        """Take the folder as it is."""
        return PlainDisk(seen=folder)


@dataclass(kw_only=True)
class StillGround:
    """Made by `still_ground`."""

    centre: StillParty
    name: str = field(default="still", init=False)

    @asynccontextmanager
    async def party(self) -> AsyncIterator[StillParty]:
        """Make one more party for as long as the context is open."""
        yield StillParty()


@contextmanager
def still_ground() -> Iterator[StillGround]:
    """Reserve ports and give the ground for as long as the context is open."""
    with reserved(ENDPOINTS) as ports:
        yield StillGround(centre=StillParty(ports=tuple(ports)))
