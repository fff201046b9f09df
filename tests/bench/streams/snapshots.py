"""Snapshots of a thousand cameras that are pulled only for them: each is opened, shown one key frame of, and closed."""

import asyncio
import os
import time
from typing import Any

from appliance.capture.desk import Desk, Settings
from appliance.capture.figures import Figures
from appliance.config import CaptureConfig
from appliance.local.sockets import VISION_SOCKET
from federation.messages import CameraSpec, CapturePlan, Round
from federation.testing.waiting import until
from tests.bench.streams.field import Field, running

POINTS = 1000
EVERY_S = 36
"""A thousand in 36 s are 1,667 a minute; the bar is 1,500."""

WARM_S = 10.0
UNLIMITED_PER_S = 1000.0
"""All virtual cameras are one device by their address, which real ones are not."""


async def measure(field: Field) -> dict[str, Any]:
    """Return how many are taken in a minute, how long they take, and what that costs all our processes."""
    cameras = {camera.point_id: camera for camera in _points(field)}
    await field.agent.want(tuple(cameras.values()))
    desk = Desk(
        settings=Settings(
            run_folder=field.run_folder,
            folder=field.run_folder / "captures",
            index_file=field.run_folder / "captures.db",
            capture=CaptureConfig(per_s=UNLIMITED_PER_S, device_per_s=UNLIMITED_PER_S),
        ),
        camera=cameras.get,
        report=field.agent.report_of,
    )
    vision = ("-m", "appliance.analysis", "--run-folder", str(field.run_folder))
    async with running(*vision) as vision_pid, asyncio.TaskGroup() as group:
        await until((field.run_folder / VISION_SOCKET).exists, within_s=60, what="vision answers")
        working = group.create_task(desk.run(), name="snapshots")
        try:
            return await _measured(field, desk, tuple(cameras), vision_pid)
        finally:
            working.cancel()


async def _measured(field: Field, desk: Desk, point_ids: tuple[str, ...], vision_pid: int) -> dict[str, Any]:
    await until(lambda: desk.is_ready, within_s=60, what="a desk that takes orders")
    rounds = tuple(Round(point_id=point_id) for point_id in point_ids)
    await desk.planner.adopt([CapturePlan(plan_id="all", name="all", every_s=EVERY_S, rounds=rounds)])
    await asyncio.sleep(WARM_S)
    before, began_s = _counts(desk.figures), time.monotonic()
    pids = (os.getpid(), vision_pid, field.streams_pid, field.rig_pid)
    own, vision, streams, rig = await field.costs(*pids, at_least_s=field.options.snapshot_seconds)
    taken, failed = (now - then for now, then in zip(_counts(desk.figures), before, strict=True))
    pace = desk.figures.pace(time.monotonic())
    ours, span_s = (own, vision, streams), time.monotonic() - began_s
    cores = sum(each["cores"] for each in ours)
    return {
        "per_minute": round(taken * 60 / span_s),
        "failed": failed,
        "skipped": sum(desk.dispatcher.lanes.dropped.values()),
        "p50_s": pace.p50_s,
        "p95_s": pace.p95_s,
        "cores": round(cores, 2),
        "cpu_ms_each": round(1000 * cores * span_s / max(1, taken), 1),
        "cores_each": {name: each["cores"] for name, each in zip(("agent", "vision", "streams"), ours, strict=True)},
        "memory_mb": round(sum(each["memory_mb"] for each in ours)),
        "rig_cores": rig["cores"],
    }


def _counts(figures: Figures) -> tuple[int, int]:
    return figures.taken, figures.failed


def _points(field: Field) -> list[CameraSpec]:
    """Return a thousand points that share the virtual cameras; each is a camera of its own to us."""
    mounts = field.cameras()
    return [
        mounts[number % len(mounts)].model_copy(update={"point_id": f"point-{number}", "pull": "asked"})
        for number in range(POINTS)
    ]
