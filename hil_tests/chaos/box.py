"""One box under test: a real agent with its own data, reached by the hub over a line of its own."""

import shutil
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from federation.identity.bundle import Bundle
from federation.testing.ports import HOST
from hil_tests.chaos.beside import beside
from hil_tests.chaos.hub_side import HubSide
from hil_tests.chaos.joining import joined
from hil_tests.chaos.plans import PlanWatch
from hil_tests.chaos.producer import Producer
from hil_tests.chaos.program import Program, kept_running
from hil_tests.chaos.record import Record, record_of
from hil_tests.demo.supervision import FENGSUI
from hil_tests.network.ground import Disk, Ground, Party

PROFILE = "capture"
NO_DISCOVERY = "discovery = false\n"
CLOCK = Path(__file__).parent / "clock"


@dataclass(kw_only=True)
class Box:
    """A running box; made by `running_box`."""

    node_id: str
    folder: Path
    party: Party
    agent: Program
    disk: Disk
    producer: Producer
    plans: PlanWatch

    def set_clock(self, offset_s: int) -> None:
        """Let the box's wall clock be wrong by so many seconds."""
        _clock_file(self.folder).write_text(f"{offset_s:+d}\n", encoding="ascii")

    async def fill_disk(self, *, full: bool) -> None:
        """Let the agent's writes fail as on a full disk, or let them succeed again."""
        await self.disk.fill(full=full, writer=self.agent.pid)

    async def record(self) -> Record:
        """Read the box's own record."""
        return await record_of(self.party, self.folder / "data")


@asynccontextmanager
async def running_box(
    folder: Path,
    bundle: Bundle,
    *,
    ground: Ground,
    hub_side: HubSide,
    task_id: str,
    number: int = 0,
    settings: str = NO_DISCOVERY,
) -> AsyncIterator[Box]:
    """Run an agent that has joined by `bundle`, on a line and a disk of its own.

    `number` tells boxes apart; `settings` go on in [lan].
    """
    data, run = folder / "data", folder / "run"
    data.mkdir(parents=True, mode=0o700)
    async with AsyncExitStack() as stack:
        party = await stack.enter_async_context(ground.party())
        disk = await party.disk(data)
        stack.callback(_keep, disk.seen, data)
        hub, *brokers = [await party.reach(each) for each in (hub_side.hub_at, *hub_side.broker.at)]
        first = number % len(brokers)  # or all boxes would begin at the same node of a cluster
        brokers = [*brokers[first:], *brokers[:first]]
        node_id = await joined(party, bundle, data=data, seen=disk.seen, hub=hub, brokers=brokers)
        config = folder / "appliance.toml"
        config.write_text(
            f'profile = "{PROFILE}"\ndata_folder = "{data}"\nrun_folder = "{run}"\n'
            f'[panel]\nhost = "{HOST}"\nport = 0\n[lan]\nhost = "{HOST}"\nport = 0\n{settings}',
            encoding="utf-8",
        )
        command = party.command(FENGSUI, "appliance", "agent", "--config", str(config))
        environment = {"PYTHONPATH": str(CLOCK), "FENGSUI_CHAOS_CLOCK": str(_clock_file(folder))}
        agent = await stack.enter_async_context(kept_running(command, folder / "agent.log", environment))
        plans = PlanWatch(run / "agent.sock")
        await stack.enter_async_context(beside(plans.follow()))
        yield Box(
            node_id=node_id,
            folder=folder,
            party=party,
            agent=agent,
            disk=disk,
            producer=Producer(run / "agent.sock", task_id),
            plans=plans,
        )


def _keep(seen: Path, data: Path) -> None:
    """Copy what lies on a disk of its own, which ends with the box, to where it would lie without one."""
    if seen != data:
        shutil.copytree(seen, data, dirs_exist_ok=True)


def _clock_file(folder: Path) -> Path:
    return folder / "clock"
