"""All cameras pulled and recorded; and what is on the disk then, against what was sent."""

import asyncio
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

from appliance.mp4.reading import fragments, init_bytes
from appliance.mp4.track import TIMESCALE
from federation.messages import Calendar, CameraState, RecordingSpec, RecordingState
from tests.bench.streams.field import Field
from tests.bench.streams.footage import FPS
from tests.bench.streams.pulling import arrived

ALWAYS = RecordingSpec(calendar=Calendar())
RECORDING_WITHIN_S = 60.0


async def measure(field: Field) -> dict[str, Any]:
    """Return what recording costs on top of pulling, whether anything is missing, and what the files add."""
    cameras = tuple(camera.model_copy(update={"recording": ALWAYS}) for camera in field.cameras())
    await field.agent.want(cameras)
    await field.agent.until(_all_recorded(field, len(cameras)), within_s=RECORDING_WITHIN_S, what="recorded cameras")
    before = await asyncio.to_thread(_held_bytes, field.run_folder)
    own, rig = await field.costs(field.streams_pid, field.rig_pid)
    after = await asyncio.to_thread(_held_bytes, field.run_folder)
    reports = list(field.agent.cameras.values())
    found = await asyncio.to_thread(_examined, field.run_folder)
    return {
        **own,
        "rig_cores": rig["cores"],
        "recorded": sum(_state(report) is RecordingState.RECORDING for report in reports),
        "fragments_dropped": sum(report.recording.dropped for report in reports if report.recording is not None),
        "disk_mb_s": round((after - before) / field.options.seconds / 1e6, 1),
        "gaps": await asyncio.to_thread(_gaps, field.run_folder),
        **found,
        **arrived(field),
    }


def _all_recorded(field: Field, count: int) -> Callable[[], bool]:
    def holds() -> bool:
        reports = field.agent.cameras.values()
        recorded = sum(_state(report) is RecordingState.RECORDING for report in reports)
        return recorded == count and field.agent.count(CameraState.LIVE) == count

    return holds


def _state(report: Any) -> RecordingState | None:
    return None if report.recording is None else report.recording.state


def _files(run_folder: Path) -> list[Path]:
    return sorted((run_folder / "recordings").glob("*/*/*.mp4"))


def _held_bytes(run_folder: Path) -> int:
    return sum(path.stat().st_size for path in _files(run_folder))


def _gaps(run_folder: Path) -> int:
    address = f"file:{run_folder / 'recordings.db'}?mode=ro"
    with closing(sqlite3.connect(address, uri=True)) as db:
        return int(db.execute("SELECT count(*) FROM gaps").fetchone()[0])


def _examined(run_folder: Path) -> dict[str, float]:
    """Count the pictures in every file against the time that it covers, and what is not picture in it."""
    pictures = ticks = content = size = 0
    for path in _files(run_folder):
        with path.open("rb", buffering=0) as file:
            start, end = len(init_bytes(file)), path.stat().st_size
            size += start
            for place in fragments(file, start, end):
                pictures += len(place.head.samples)
                ticks += place.head.duration_ticks
                content += place.head.content_bytes
                size += place.end - place.offset
    expected = ticks * FPS / TIMESCALE
    return {
        "pictures_missing": round(max(0.0, expected - pictures)),
        "overhead_percent": round(100 * (size - content) / max(1, content), 3),
    }
