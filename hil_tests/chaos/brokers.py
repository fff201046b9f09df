"""The broker under test: the hub's own Mosquitto, or three RabbitMQ nodes that an operator has set up."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from hil_tests.chaos.cluster import NODES, Cluster, ClusterNode, running_cluster
from hil_tests.chaos.errors import ChaosError
from hil_tests.chaos.program import Program, kept_running
from hil_tests.demo.supervision import FENGSUI
from hil_tests.network.ground import Centre, Endpoint

MOSQUITTO, RABBITMQ = BROKERS = ("mosquitto", "rabbitmq")
ANSWER_WITHIN_S = 60.0


class Broker(Protocol):
    """What a run knows of its broker."""

    @property
    def at(self) -> tuple[Endpoint, ...]:
        """Where boxes find it."""

    @property
    def programs(self) -> tuple[Program, ...]:
        """The programs that it consists of."""

    async def kill(self) -> None:
        """Kill it, or one node of it; it starts again by itself."""

    async def admit(self) -> None:
        """Let in who has joined the hub by now, if the hub cannot do that itself."""


@dataclass(frozen=True, kw_only=True)
class OwnBroker:
    """The hub's own Mosquitto."""

    program: Program
    at: tuple[Endpoint, ...]

    @property
    def programs(self) -> tuple[Program, ...]:
        """The one program."""
        return (self.program,)

    async def kill(self) -> None:
        """Kill it."""
        self.program.kill()

    async def admit(self) -> None:
        """Do nothing: the hub tells it."""


@dataclass(frozen=True, kw_only=True)
class ForeignCluster:
    """A RabbitMQ cluster, set up with what the hub writes down for its operator and nothing else."""

    cluster: Cluster
    definitions: Path

    @property
    def at(self) -> tuple[Endpoint, ...]:
        """Where each node answers."""
        return tuple(node.mqtt for node in self.cluster.nodes)

    @property
    def programs(self) -> tuple[Program, ...]:
        """The nodes."""
        return self.cluster.programs

    async def kill(self) -> None:
        """Kill the next node in turn."""
        await self.cluster.kill_one()

    async def admit(self) -> None:
        """Import what the hub has written, as its operator would."""
        await self.cluster.import_definitions(self.definitions)


def own_settings(own: Endpoint, nodes: Endpoint, bureaus: Endpoint) -> str:
    """Return the hub's settings for its own broker, which it finds at `own`."""
    return (
        f'[broker]\nhost = "{own.host}"\nport = {nodes.port}\nsubscriber_port = {bureaus.port}\nhub_port = {own.port}\n'
    )


def foreign_settings(found: tuple[Endpoint, ...], told: tuple[Endpoint, ...]) -> str:
    """Return the hub's settings for a broker that it finds at `found`, and boxes at `told`."""
    return f"[broker]\nmanaged = false\naddresses = {_listed(found)}\npublic_addresses = {_listed(told)}\n"


@asynccontextmanager
async def own_broker(config: Path, centre: Centre, nodes_at: Endpoint) -> AsyncIterator[OwnBroker]:
    """Run the hub's broker program with the settings in `config`."""
    words = centre.command(FENGSUI, "hub", "broker", "--config", str(config))
    async with kept_running(words, config.with_name("broker.log")) as program:
        yield OwnBroker(program=program, at=(nodes_at,))


@asynccontextmanager
async def foreign_cluster(
    config: Path, centre: Centre, mqtt: tuple[Endpoint, ...], others: tuple[Endpoint, ...]
) -> AsyncIterator[ForeignCluster]:
    """Run a cluster that answers at `mqtt`, for the hub with the settings in `config`; `others` are for its own use."""
    folder = config.parent / "cluster"
    access = folder / "access"
    await _write_access(config, access)
    nodes = tuple(
        ClusterNode(number=number, mqtt=at, distribution_port=own.port)
        for number, (at, own) in enumerate(zip(mqtt, others[:NODES], strict=True), 1)
    )
    settings = await asyncio.to_thread((access / "rabbitmq.conf").read_text, encoding="utf-8")
    async with AsyncExitStack() as stack:
        running = running_cluster(folder, centre, nodes, access=settings, epmd_port=others[NODES].port)
        cluster = await stack.enter_async_context(running)
        yield ForeignCluster(cluster=cluster, definitions=config.parent / "hub" / "broker" / "definitions.json")


async def _write_access(config: Path, out: Path) -> None:
    words = (FENGSUI, "hub", "broker-access", "--config", str(config), "--out", str(out))
    process = await asyncio.create_subprocess_exec(
        *words, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE
    )
    async with asyncio.timeout(ANSWER_WITHIN_S):
        _, said = await process.communicate()
    if process.returncode != 0:
        raise ChaosError(said.decode(errors="replace").strip())


def _listed(endpoints: tuple[Endpoint, ...]) -> str:
    return "[" + ", ".join(f'"{endpoint}"' for endpoint in endpoints) + "]"
