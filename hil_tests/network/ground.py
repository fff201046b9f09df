"""What a run stands on: parties that reach each other over lines of their own, in namespaces or over relays."""

from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from hil_tests.network.weather import Wire


@dataclass(frozen=True, kw_only=True)
class Endpoint:
    """Where a server answers: an IPv4 address and a TCP port."""

    host: str
    port: int

    def __str__(self) -> str:
        """Return `host:port`."""
        return f"{self.host}:{self.port}"


class Disk(Protocol):
    """The data folder of one party, whose disk can be full."""

    @property
    def seen(self) -> Path:
        """The folder as this process sees it, which is not where the party's programs see it."""

    async def fill(self, *, full: bool, writer: int | None) -> None:
        """Let every write that needs room fail, or let them succeed again; `writer` is the process that writes."""


class Party(Protocol):
    """A box: its programs, its line to the hub, and its disk."""

    @property
    def wire(self) -> Wire:
        """Its line to everybody else."""

    def command(self, *words: str) -> tuple[str, ...]:
        """Return the command that runs `words` as a program of this party."""

    async def reach(self, endpoint: Endpoint) -> Endpoint:
        """Return where this party's programs find what answers at `endpoint` of the centre."""

    async def disk(self, folder: Path) -> Disk:
        """Make `folder` the disk of the party's data."""


class Centre(Protocol):
    """Where hub and broker live; the wire is the line between the two."""

    @property
    def wire(self) -> Wire:
        """The line from hub to broker."""

    def command(self, *words: str) -> tuple[str, ...]:
        """Return the command that runs `words` as a program of the centre."""

    def listening(self, count: int) -> tuple[Endpoint, ...]:
        """Return `count` (1 to 12) free endpoints for servers of the centre; to be called once."""

    async def broker_line(self, *brokers: Endpoint) -> tuple[Endpoint, ...]:
        """Return where the hub finds these brokers over its wire; to be called once."""


class Ground(Protocol):
    """Makes the parties of one run; use the implementations as async context managers."""

    @property
    def name(self) -> str:
        """What it is made of: `relay` or `namespaces`."""

    @property
    def centre(self) -> Centre:
        """Where hub and broker live."""

    def party(self) -> AbstractAsyncContextManager[Party]:
        """Make one more party for as long as the context is open."""
