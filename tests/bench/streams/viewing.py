"""Live view: how soon a viewer sees something, how soon it moves, and how old each picture is when it is handed on."""

import asyncio
import io
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from appliance.mp4.reading import fragments
from appliance.viewing.channels import Channels
from federation.messages import CameraSpec, CameraState
from federation.viewing import Kind, Message, Viewer
from tests.bench.streams.field import Field
from tests.bench.streams.recording import ALWAYS

CAMERAS = 25
AT_ONCE = 5
PICTURES = 60
WITHIN_S = 20.0
OLD_S = 0.04  # one picture's time


async def measure(field: Field) -> dict[str, Any]:
    """Return figures of cameras that are watched, some at one time: recorded ones, and others."""
    cameras = [
        camera.model_copy(update={"recording": ALWAYS}) if number < CAMERAS else camera
        for number, camera in enumerate(field.cameras())
    ]
    await field.agent.want(tuple(cameras))
    await field.agent.until(
        lambda: field.agent.count(CameraState.LIVE) == len(cameras), within_s=WITHIN_S * 3, what="live cameras"
    )
    channels = Channels(field.run_folder)
    async with asyncio.TaskGroup() as group:
        running = group.create_task(channels.run(), name="channels")
        recorded = await _all_watched(channels, cameras[:CAMERAS])
        others = await _all_watched(channels, cameras[CAMERAS : 2 * CAMERAS])
        running.cancel()
    ages = [age for seen in (*recorded, *others) for age in seen.ages_s]
    return {
        "first_picture_p95_ms": _p95_ms(seen.shown_s for seen in (*recorded, *others)),
        "moving_p95_ms": _p95_ms(seen.moving_s for seen in others),
        "moving_recorded_p95_ms": _p95_ms(seen.moving_s for seen in recorded),
        "age_p50_ms": round(1000 * median(ages), 1),
        "age_p95_ms": _p95_ms(ages),
        "pictures_dropped": channels.dropped,
    }


@dataclass(frozen=True, kw_only=True)
class Watched:
    """How soon one viewer saw a picture, how soon it moved, and how old the pictures after that were."""

    shown_s: float
    moving_s: float
    ages_s: list[float]


async def _all_watched(channels: Channels, cameras: Sequence[CameraSpec]) -> list[Watched]:
    seen: list[Watched] = []
    for first in range(0, len(cameras), AT_ONCE):
        some = cameras[first : first + AT_ONCE]
        seen += await asyncio.gather(*(_watched(channels, camera.point_id) for camera in some))
    return seen


async def _watched(channels: Channels, point_id: str) -> Watched:
    began_s = time.monotonic()
    with channels.viewing(point_id) as viewer:
        await _first(viewer, Kind.KEY)
        shown_s = time.monotonic() - began_s
        await _first(viewer, Kind.DELTA)
        moving_s = time.monotonic() - began_s
        while await _age_s(viewer) > OLD_S:
            pass  # what was there before this viewer came
        ages = [await _age_s(viewer) for _ in range(PICTURES)]
    return Watched(shown_s=shown_s, moving_s=moving_s, ages_s=ages)


async def _first(viewer: Viewer, kind: Kind) -> Message:
    async with asyncio.timeout(WITHIN_S):
        while (message := await viewer.next()).kind is not kind:
            pass
    return message


async def _age_s(viewer: Viewer) -> float:
    """Return how long ago the next picture reached the appliance."""
    async with asyncio.timeout(WITHIN_S):
        message = await viewer.next()
    now_s = time.time()  # noqa: TID251 - compared with the wall clock that stands in the picture's fragment
    [place] = fragments(io.BytesIO(message.content[1:]), 0, len(message.content) - 1)
    return now_s - (place.head.at_us or 0) / 1_000_000


def _p95_ms(seconds: Iterable[float]) -> float:
    ordered = sorted(seconds)
    return round(1000 * ordered[int(0.95 * len(ordered))], 1)
