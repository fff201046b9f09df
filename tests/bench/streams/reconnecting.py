"""Cameras that are cut off: how soon they are live again, and whether two thousand times leave anything behind."""

import asyncio
import statistics
from datetime import UTC, datetime
from typing import Any

from federation.messages import CameraState
from hil_tests.chaos.processes import cost_of
from tests.bench.streams.field import Field, descriptors

BATCH = 20
AWAY_S = 3.0
LIVE_WITHIN_S = 30.0


async def measure(field: Field) -> dict[str, Any]:
    """Return how long after its return a camera was live; each one lost its power for some seconds."""
    await field.pull_all()
    names = list(field.agent.cameras)
    waits_s: list[float] = []
    for number in range(0, field.options.kills, BATCH):
        batch = [names[(number + place) % len(names)] for place in range(min(BATCH, field.options.kills - number))]
        waits_s += await _cut_off(field, batch)
        field.say(f"reconnect: {len(waits_s)} of {field.options.kills}")
    return {
        "kills": len(waits_s),
        "p50_s": round(statistics.median(waits_s), 2),
        "p95_s": round(statistics.quantiles(waits_s, n=20)[-1], 2),
        "longest_s": round(max(waits_s), 2),
    }


async def soak(field: Field) -> dict[str, Any]:
    """Cut all connections again and again; return what memory and descriptors have become."""
    await field.pull_all()
    names = list(field.agent.cameras)
    before: tuple[float, int] | None = None
    done = 0
    while done < field.options.reconnects:
        counts = {name: report.reconnects for name, report in field.agent.cameras.items()}
        await field.control([{"action": "kill-connections", "camera": name} for name in names])
        await field.agent.until(
            lambda counts=counts: all(  # type: ignore[misc]
                report.reconnects > counts[name] and report.state is CameraState.LIVE
                for name, report in field.agent.cameras.items()
            ),
            within_s=LIVE_WITHIN_S,
            what="reconnects",
        )
        done += len(names)
        if before is None and done >= field.options.reconnects // 5:
            before = _held(field)
        field.say(f"soak: {done} of {field.options.reconnects}, {_held(field)[0]:.1f} MB")
    first = before or _held(field)
    last = _held(field)
    return {
        "reconnects": done,
        "memory_mb_after_a_fifth": first[0],
        "memory_mb": last[0],
        "descriptors_after_a_fifth": first[1],
        "descriptors": last[1],
    }


def _held(field: Field) -> tuple[float, int]:
    return round(cost_of(field.streams_pid).memory_bytes / 1e6, 1), descriptors(field.streams_pid)


async def _cut_off(field: Field, names: list[str]) -> list[float]:
    await field.control([_behave(name, "stopped") for name in names])
    await asyncio.sleep(AWAY_S)
    back = datetime.now(UTC)
    await field.control([_behave(name, "live") for name in names])
    cameras = field.agent.cameras

    def all_live() -> bool:
        found = [field.agent.cameras[name] for name in names]
        return all(camera.state is CameraState.LIVE and camera.since and camera.since > back for camera in found)

    await field.agent.until(all_live, within_s=LIVE_WITHIN_S, what="returns")
    cameras = field.agent.cameras
    return [(since - back).total_seconds() for name in names if (since := cameras[name].since) is not None]


def _behave(name: str, state: str) -> dict[str, Any]:
    return {"action": "set", "camera": name, "behaviour": {"state": state}}
