"""A hub with its broker and whoever is measured against them, and what they have cost."""

import asyncio
import sqlite3
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, closing
from dataclasses import dataclass
from pathlib import Path

from federation.messages import new_id
from hil_tests.chaos.box import Box, running_box
from hil_tests.chaos.errors import ChaosError
from hil_tests.chaos.field import invited, ready
from hil_tests.chaos.hub_side import HubSide, running_hub_side
from hil_tests.chaos.processes import Cost, cost_of
from hil_tests.load.admission import ADMITS_ALL, admitted
from hil_tests.load.simulated import Member
from hil_tests.load.still import still_ground

POLL_S = 0.1
STARTED_WITHIN_S = 180.0

Say = Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class Site:
    """What runs: hub and broker, real boxes, and appliances that have enrolled and are simulated."""

    folder: Path
    hub_side: HubSide
    boxes: Sequence[Box]
    members: Sequence[Member]

    def costs(self, crowds: Iterable[int] = ()) -> dict[str, Cost]:
        """Return what hub, broker, agents and the processes `crowds` have cost so far."""
        return {
            "hub": cost_of(self.hub_side.hub.pid),
            "broker": cost_of(self.hub_side.broker.programs[0].pid),
            "agent": _together(box.agent.pid for box in self.boxes),
            "crowd": _together(crowds),
        }

    async def rows(self, nodes: Iterable[str] | None = None) -> int:
        """Return how many events the hub has committed, of all nodes or of these."""
        wanted = None if nodes is None else set(nodes)
        delivered = await asyncio.to_thread(self.hub_side.delivered)
        return sum(count for node_id, count in delivered.items() if wanted is None or node_id in wanted)

    async def arrived(self, rows: int, *, within_s: float, nodes: Iterable[str] | None = None) -> float:
        """Wait until the hub has so many events; return when, by the monotonic clock; raise ChaosError."""
        deadline = time.monotonic() + within_s
        while (there := await self.rows(nodes)) < rows:
            if time.monotonic() > deadline:
                raise ChaosError(f"{there} of {rows} events arrived within {within_s:.0f} s")
            await asyncio.sleep(POLL_S)
        return time.monotonic()

    async def latencies_ms(self, nodes: Iterable[str], since_us: int) -> list[float]:
        """Return how long the events of some nodes took from their making to the hub's row, since a moment."""
        return await asyncio.to_thread(self._latencies_ms, set(nodes), since_us)

    async def received_us(self, event_ids: Iterable[str]) -> dict[str, int]:
        """Return when the hub received these events."""
        return await asyncio.to_thread(self._received_us, set(event_ids))

    def _latencies_ms(self, nodes: set[str], since_us: int) -> list[float]:
        with closing(self._opened()) as db:
            found = db.execute("SELECT node_id, received_at_us - time_us FROM events WHERE time_us >= ?", (since_us,))
            return [latency_us / 1000 for node_id, latency_us in found if node_id in nodes]

    def _received_us(self, event_ids: set[str]) -> dict[str, int]:
        with closing(self._opened()) as db:
            found = db.execute("SELECT id, received_at_us FROM events")
            return {event_id: received_us for event_id, received_us in found if event_id in event_ids}

    def _opened(self) -> sqlite3.Connection:
        return sqlite3.connect(f"file:{self.hub_side.database}?mode=ro", uri=True, timeout=10)


@asynccontextmanager
async def running_site(folder: Path, *, boxes: int = 0, appliances: int = 0) -> AsyncIterator[Site]:
    """Run a hub and its broker with so many enrolled boxes, and let so many appliances enrol that are simulated."""
    await asyncio.to_thread(folder.mkdir)
    async with AsyncExitStack() as stack:
        ground = stack.enter_context(still_ground())
        hub_side = await stack.enter_async_context(running_hub_side(folder, ground.centre, more=ADMITS_ALL))
        await ready(hub_side)
        running = []
        for number in range(1, boxes + 1):
            bundle = await invited(hub_side, f"box-{number}")
            own = folder / f"b{number}"
            box = running_box(own, bundle, ground=ground, hub_side=hub_side, number=number, task_id=new_id())
            running.append(await stack.enter_async_context(box))
            await _serves(running[-1])
        members = await admitted(hub_side, appliances, folder / "keys")
        yield Site(folder=folder, hub_side=hub_side, boxes=running, members=members)


async def _serves(box: Box) -> None:
    """Return once the agent of a box answers."""
    deadline, note = time.monotonic() + STARTED_WITHIN_S, box.folder / "run" / "panel.json"
    while not await asyncio.to_thread(note.exists):
        if time.monotonic() > deadline:
            raise ChaosError(f"an agent did not start ({box.folder / 'agent.log'})")
        await asyncio.sleep(POLL_S)


@dataclass(frozen=True, kw_only=True)
class Spent:
    """CPU seconds that each part has spent in a stretch, and its highest memory in bytes."""

    cpu_s: dict[str, float]
    memory_bytes: dict[str, int]

    def cpu_s_per_1000(self, events: int) -> dict[str, float]:
        """Return the CPU seconds per 1,000 events of the parts that run."""
        return {name: round(cpu_s / max(1, events) * 1000, 3) for name, cpu_s in self.cpu_s.items() if cpu_s > 0}

    def memory_mb(self) -> dict[str, float]:
        """Return the highest memory of the parts that run, in MiB."""
        return {name: round(size / 2**20, 1) for name, size in self.memory_bytes.items() if size}


async def spending(site: Site, work: Awaitable[None], *, crowds: Sequence[int] = ()) -> Spent:
    """Do `work`, and return what the parts have spent meanwhile; `crowds` are processes, which may end before it."""
    before = site.costs(crowds)
    highest = dict(before)
    async with asyncio.TaskGroup() as group:
        doing = group.create_task(_awaited(work))
        while not doing.done():
            await asyncio.wait([doing], timeout=POLL_S * 5)
            for name, cost in site.costs(crowds).items():
                highest[name] = _higher(highest[name], cost)
    return Spent(
        cpu_s={name: cost.cpu_s - before[name].cpu_s for name, cost in highest.items()},
        memory_bytes={name: cost.memory_bytes for name, cost in highest.items()},
    )


def _together(pids: Iterable[int | None]) -> Cost:
    costs = [cost_of(pid) for pid in pids]
    return Cost(cpu_s=sum(each.cpu_s for each in costs), memory_bytes=sum(each.memory_bytes for each in costs))


def _higher(one: Cost, other: Cost) -> Cost:
    return Cost(cpu_s=max(one.cpu_s, other.cpu_s), memory_bytes=max(one.memory_bytes, other.memory_bytes))


async def _awaited(work: Awaitable[None]) -> None:
    await work
