"""Three RabbitMQ nodes that form one broker: private folders, an epmd of their own, loopback between them.

They start one after the other: nodes that are started together refuse clients for a while. The first one knows no
peers, so that it does not wait for those that do not run yet; the others join it.
"""

import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from federation.private_files import write_private
from federation.testing.ports import HOST
from federation.testing.waiting import until
from hil_tests.chaos.errors import ChaosError
from hil_tests.chaos.program import Program, kept_running
from hil_tests.network.cell import PLACES
from hil_tests.network.ground import Centre, Endpoint

NODES = 3
SCRIPTS = Path("/usr/lib/rabbitmq/bin")
STARTED_WITHIN_S = 300.0
COMMAND_WITHIN_S = 90.0
ONE_CORE = "+S 1:1 +sbwt none +sbwtdcpu none +sbwtdio none"  # three nodes share a machine with everything else


@dataclass(frozen=True, kw_only=True)
class ClusterNode:
    """One node: its number from 1, where it answers MQTT, and its port for the others."""

    number: int
    mqtt: Endpoint
    distribution_port: int

    @property
    def name(self) -> str:
        """The node's name in Erlang."""
        return f"rabbit{self.number}@localhost"


@dataclass(kw_only=True)
class Cluster:
    """The running cluster; made by `running_cluster`."""

    folder: Path
    centre: Centre
    nodes: tuple[ClusterNode, ...]
    programs: tuple[Program, ...]
    epmd_port: int
    _next: int = 0

    async def kill_one(self) -> None:
        """Kill the next node in turn, once all of them run: without two of three there is no quorum."""
        await self.whole()
        self.programs[self._next].kill()
        self._next = (self._next + 1) % len(self.nodes)

    async def whole(self) -> None:
        """Return once every node answers MQTT; raise NeverHappened if one does not start again."""
        for node in self.nodes:
            await self.answers(node)

    async def answers(self, node: ClusterNode) -> None:
        """Return once the node answers MQTT."""
        await until(lambda: self._answers(node.mqtt), within_s=STARTED_WITHIN_S, what=f"{node.name} answers")

    async def import_definitions(self, path: Path) -> None:
        """Give the cluster these users and permissions, besides those that it has."""
        await self._control("import_definitions", str(path))

    async def _control(self, *words: str) -> None:
        node = self.nodes[0]
        command = self.centre.command(str(SCRIPTS / "rabbitmqctl"), "--quiet", "--node", node.name, *words)
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            env=environment(self.folder, node, self.epmd_port),
        )
        out, _ = await asyncio.wait_for(process.communicate(), COMMAND_WITHIN_S)
        if process.returncode != 0:
            raise ChaosError(f"rabbitmqctl {words[0]}: {out.decode(errors='replace').strip()}")

    async def _answers(self, endpoint: Endpoint) -> bool:
        look = ("bash", "-c", f"exec 3<>/dev/tcp/{endpoint.host}/{endpoint.port}")
        process = await asyncio.create_subprocess_exec(
            *self.centre.command(*look), stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL
        )
        return await process.wait() == 0


@asynccontextmanager
async def running_cluster(
    folder: Path, centre: Centre, nodes: tuple[ClusterNode, ...], access: str, epmd_port: int
) -> AsyncIterator[Cluster]:
    """Run the nodes in `folder`; `access` are the lines of rabbitmq.conf that say who may come in, and how."""
    cookie = secrets.token_hex(16)
    async with AsyncExitStack() as stack:
        epmd = centre.command("epmd", "-port", str(epmd_port), "-address", HOST)
        await stack.enter_async_context(kept_running(epmd, folder / "epmd.log"))
        cluster = Cluster(folder=folder, centre=centre, nodes=nodes, programs=(), epmd_port=epmd_port)
        for node in nodes:
            _prepare(folder / node.name, node, nodes, access, cookie)
            command = centre.command(str(SCRIPTS / "rabbitmq-server"))
            variables = environment(folder, node, epmd_port)
            program = kept_running(command, folder / f"{node.name}.log", variables)
            cluster.programs = (*cluster.programs, await stack.enter_async_context(program))
            await cluster.answers(node)
        yield cluster


def environment(folder: Path, node: ClusterNode, epmd_port: int) -> dict[str, str]:
    """Return what RabbitMQ's scripts have to know of a node: everything private, nothing of the machine."""
    home = folder / node.name
    return {
        "HOME": str(home),  # where Erlang looks for the cookie
        "PATH": PLACES,
        "LANG": "C.UTF-8",
        "RABBITMQ_NODENAME": node.name,
        "RABBITMQ_DIST_PORT": str(node.distribution_port),
        "RABBITMQ_MNESIA_BASE": str(home / "mnesia"),
        "RABBITMQ_LOG_BASE": str(home / "log"),
        "RABBITMQ_ENABLED_PLUGINS_FILE": str(home / "plugins"),
        "RABBITMQ_CONFIG_FILE": str(home / "rabbitmq"),
        "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": f"{ONE_CORE} -kernel inet_dist_use_interface {{127,0,0,1}}",
        "RABBITMQ_PID_FILE": str(home / "pid"),
        "ERL_EPMD_PORT": str(epmd_port),
        "ERL_EPMD_ADDRESS": HOST,
        "RUNNING_UNDER_SYSTEMD": "1",  # the script then becomes the server, so that our signals reach it
    }


def _prepare(home: Path, node: ClusterNode, nodes: tuple[ClusterNode, ...], access: str, cookie: str) -> None:
    home.mkdir(parents=True, mode=0o700)
    write_private(home / ".erlang.cookie", cookie)
    (home / "plugins").write_text("[rabbitmq_mqtt].\n", encoding="ascii")
    peers = nodes[:1] if node.number == 1 else (nodes[0], node)
    lines = [
        "listeners.tcp = none",
        f"mqtt.listeners.ssl.default = {node.mqtt}",
        "cluster_formation.peer_discovery_backend = classic_config",
        *(f"cluster_formation.classic_config.nodes.{peer.number} = {peer.name}" for peer in peers),
        "log.console = true",
        "log.console.level = warning",
        "log.file = false",
        access,
    ]
    (home / "rabbitmq.conf").write_text("\n".join(lines), encoding="utf-8")
