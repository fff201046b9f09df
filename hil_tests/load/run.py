"""One measurement: a calm minute, full speed, and a backlog that is drained while fresh events come."""

import asyncio
import sqlite3
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from hil_tests.chaos.errors import ChaosError
from hil_tests.chaos.field import Field, Say, ready, running_field
from hil_tests.chaos.processes import Cost, cost_of
from hil_tests.network.relayed import relayed_ground

CALM_PACE_S = 0.05
POLL_S = 0.05
DELIVERED_WITHIN_S = 600.0


@dataclass(frozen=True, kw_only=True)
class Options:
    """What is measured: boxes, events at full speed, events of the backlog, seconds of calm."""

    boxes: int
    events: int
    backlog: int
    calm_s: float


@dataclass(frozen=True, kw_only=True)
class Figures:
    """What was measured; latencies run from the agent's confirmation of its commit to the hub's row."""

    calm_ms: dict[str, float]
    committed_per_s: float
    delivered_per_s: float
    full_speed_ms: dict[str, float]
    drained_per_s: float
    fresh_while_draining_ms: dict[str, float]
    hub_memory_mb: dict[str, float]
    cpu_s_per_1000_events: dict[str, float]


async def run(options: Options, folder: Path, say: Say) -> Figures:
    """Measure in `folder`; raise ChaosError if the events do not arrive."""
    async with relayed_ground() as ground, running_field(ground, options.boxes, folder) as scene:
        say("calm: 20 events/s from every box")
        calm = await _produced(scene, _for_seconds(options.calm_s), pace_s=CALM_PACE_S)
        say(f"full speed: {options.events} events")
        before, memory_before = _costs(scene), cost_of(scene.hub_side.hub.pid).memory_bytes
        full = await _produced(scene, _until_count(scene, options.events), pace_s=0.0)
        cpu = {
            name: round((_costs(scene)[name].cpu_s - cost.cpu_s) / full.events * 1000, 3)
            for name, cost in before.items()
        }
        say(f"backlog: {options.backlog} events while the hub is away")
        drained = await _drained(scene, options.backlog, say)
        return Figures(
            calm_ms=quantiles(calm.latencies_ms),
            committed_per_s=round(full.events / full.committed_s, 1),
            delivered_per_s=round(full.events / full.delivered_s, 1),
            full_speed_ms=quantiles(full.latencies_ms),
            drained_per_s=round(options.backlog / drained.drained_s, 1),
            fresh_while_draining_ms=quantiles(drained.fresh_ms),
            hub_memory_mb={
                "before": round(memory_before / 2**20, 1),
                "while_draining": round(drained.hub_memory_bytes / 2**20, 1),
            },
            cpu_s_per_1000_events=cpu,
        )


def quantiles(values: Iterable[float]) -> dict[str, float]:
    """Return p50, p95 and p99 of some milliseconds; 0 where there are none."""
    ordered = sorted(values)
    if not ordered:
        return {"p50": 0.0, "p95": 0.0, "p99": 0.0}
    return {
        f"p{percent}": round(ordered[min(len(ordered) - 1, len(ordered) * percent // 100)], 1)
        for percent in (50, 95, 99)
    }


@dataclass(frozen=True, kw_only=True)
class _Phase:
    events: int
    committed_s: float
    delivered_s: float
    latencies_ms: Sequence[float]


@dataclass(frozen=True, kw_only=True)
class _Drained:
    drained_s: float
    fresh_ms: Sequence[float]
    hub_memory_bytes: int


async def _produced(scene: Field, may_go_on: Callable[[], bool], *, pace_s: float) -> _Phase:
    """Let all boxes produce, and wait until the hub has everything."""
    already, began = await asyncio.to_thread(_rows, scene), time.monotonic()
    for box in scene.boxes:
        box.producer.committed_at.clear()
    before = scene.committed
    async with asyncio.TaskGroup() as group:
        for box in scene.boxes:
            group.create_task(box.producer.run(may_go_on=may_go_on, pace_s=pace_s))
    committed_s = time.monotonic() - began
    events = scene.committed - before
    await _arrived(scene, already + events)
    return _Phase(
        events=events,
        committed_s=committed_s,
        delivered_s=time.monotonic() - began,
        latencies_ms=await asyncio.to_thread(_latencies_ms, scene, _committed_at(scene)),
    )


async def _drained(scene: Field, backlog: int, say: Say) -> _Drained:
    """Let the first box make a backlog while the hub is away; then all others send fresh events while it is drained."""
    first, others = scene.boxes[0], scene.boxes[1:]
    already = await asyncio.to_thread(_rows, scene)
    await scene.hub_side.hub.hold()
    target = first.producer.committed + backlog
    await first.producer.run(may_go_on=lambda: first.producer.committed < target, pace_s=0.0)
    for box in scene.boxes:
        box.producer.committed_at.clear()
    scene.hub_side.hub.release()
    await ready(scene.hub_side)
    say("the hub is back")
    began, highest, done = time.monotonic(), cost_of(scene.hub_side.hub.pid).memory_bytes, False
    async with asyncio.TaskGroup() as group:
        for box in others:
            group.create_task(box.producer.run(may_go_on=lambda: not done, pace_s=CALM_PACE_S))
        while await asyncio.to_thread(_rows_of, scene, first.node_id) < target:
            highest = max(highest, cost_of(scene.hub_side.hub.pid).memory_bytes)
            if time.monotonic() > began + DELIVERED_WITHIN_S:
                raise ChaosError(f"the backlog was not drained within {DELIVERED_WITHIN_S:.0f} s")
            await asyncio.sleep(POLL_S)
        done = True
    fresh = sum(len(box.producer.committed_at) for box in others)
    await _arrived(scene, already + backlog + fresh)
    return _Drained(
        drained_s=await asyncio.to_thread(_taken_s, scene, first.node_id, backlog),
        fresh_ms=await asyncio.to_thread(_latencies_ms, scene, _committed_at(scene)),
        hub_memory_bytes=highest,
    )


def _for_seconds(seconds: float) -> Callable[[], bool]:
    ends = time.monotonic() + seconds
    return lambda: time.monotonic() < ends


def _until_count(scene: Field, events: int) -> Callable[[], bool]:
    target = scene.committed + events
    return lambda: scene.committed < target


def _committed_at(scene: Field) -> dict[str, float]:
    return {event_id: at for box in scene.boxes for event_id, at in box.producer.committed_at.items()}


async def _arrived(scene: Field, rows: int) -> None:
    deadline = time.monotonic() + DELIVERED_WITHIN_S
    while await asyncio.to_thread(_rows, scene) < rows:
        if time.monotonic() > deadline:
            raise ChaosError(f"not all of {rows} events arrived within {DELIVERED_WITHIN_S:.0f} s")
        await asyncio.sleep(POLL_S)


def _costs(scene: Field) -> dict[str, Cost]:
    agents = [cost_of(box.agent.pid) for box in scene.boxes]
    return {
        "hub": cost_of(scene.hub_side.hub.pid),
        "broker": cost_of(scene.hub_side.broker.programs[0].pid),
        "agents": Cost(
            cpu_s=sum(cost.cpu_s for cost in agents), memory_bytes=sum(cost.memory_bytes for cost in agents)
        ),
    }


def _rows(scene: Field) -> int:
    with closing(_opened(scene)) as db:
        return int(db.execute("SELECT count(*) FROM events").fetchone()[0])


def _rows_of(scene: Field, node_id: str) -> int:
    with closing(_opened(scene)) as db:
        return int(db.execute("SELECT count(*) FROM events WHERE node_id = ?", (node_id,)).fetchone()[0])


def _taken_s(scene: Field, node_id: str, newest: int) -> float:
    """Return the seconds between the first and the last of a box's newest rows, by the hub's own times."""
    query = "SELECT received_at_us FROM events WHERE node_id = ? ORDER BY cursor DESC LIMIT ?"
    with closing(_opened(scene)) as db:
        times = [row[0] for row in db.execute(query, (node_id, newest))]
    return float(max(1e-3, (times[0] - times[-1]) / 1e6))


def _latencies_ms(scene: Field, committed_at: dict[str, float]) -> list[float]:
    """Return the milliseconds from commit to row; what the hub had before the agent's answer came counts as 0."""
    with closing(_opened(scene)) as db:
        found = db.execute("SELECT id, received_at_us FROM events").fetchall()
    return [
        max(0.0, received_us / 1000 - committed_at[event_id] * 1000)
        for event_id, received_us in found
        if event_id in committed_at
    ]


def _opened(scene: Field) -> sqlite3.Connection:
    return sqlite3.connect(f"file:{scene.hub_side.database}?mode=ro", uri=True, timeout=10)
