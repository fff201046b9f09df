"""An engine at work, and what asks it."""

import asyncio
import os
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

from appliance.analysis.engine.devices import Device
from appliance.analysis.engine.engine import Engine
from appliance.analysis.engine.frame import Dropped, Frame
from appliance.analysis.engine.packages import PackageKey, Ready
from appliance.analysis.engine.queue import Lane
from appliance.analysis.finding import Picture
from federation.messages import Detection
from hil_tests.chaos.processes import cost_of

CORES = len(os.sched_getaffinity(0))
CPU = Device(kind="cpu", workers=CORES)
LOADED_WITHIN_S = 300.0


@asynccontextmanager
async def working(packages: Mapping[PackageKey, Path], device: Device = CPU) -> AsyncIterator[Engine]:
    """Run an engine that has loaded these packages, on all cores if nothing else is said."""
    engine = Engine(devices=(device,), memory_bytes=64 << 30)
    changed = asyncio.Event()
    engine.on_change = changed.set
    async with asyncio.TaskGroup() as group:
        task = group.create_task(engine.run())
        try:
            engine.want(packages)
            async with asyncio.timeout(LOADED_WITHIN_S):
                while len(engine.packages) < len(packages):
                    changed.clear()
                    await changed.wait()
            unusable = [state for state in engine.packages.values() if not isinstance(state, Ready)]
            if unusable:
                raise RuntimeError(str(unusable[0]))
            yield engine
        finally:
            task.cancel()


def cpu_s(*others: int) -> float:
    """Return the CPU time of this process, and of others with it."""
    return time.process_time() + sum(cost_of(pid).cpu_s for pid in others)


async def seen(engine: Engine, source: str, picture: Picture, keys: list[PackageKey]) -> list[tuple[Detection, ...]]:
    """Return what every package sees in a picture; of a frame that is dropped nothing."""
    frame = Frame(source=source, at=datetime.now(UTC), decode=lambda: picture, gallery=engine.gallery)
    found: list[tuple[Detection, ...]] = []
    for asked in engine.look(frame, keys, lane=Lane.STREAM):
        answer = await asked.answer
        if not isinstance(answer, Dropped):
            told = (answer[head] for head in asked.heads.values())
            found += [each.detections for each in told if not isinstance(each, Dropped)]
    return found
