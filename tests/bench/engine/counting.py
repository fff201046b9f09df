"""People on a real street: what the engine counts against decoding and detecting every frame directly."""

import asyncio
from typing import Any

import numpy as np

from appliance.analysis.detector import Detector
from tests.bench.engine.material import Material
from tests.bench.engine.throughput import KEY
from tests.bench.engine.working import CORES, seen, working

KEY_FRAME_EVERY = 20
"""Of 10 frames a second: a key frame every two seconds."""


async def measure(material: Material, _seconds: float) -> dict[str, Any]:
    """Return how often both count the same on every frame, and how far key frames alone are off in the mean."""
    pictures = await asyncio.to_thread(material.pictures)
    direct = await asyncio.to_thread(_direct, material, pictures)
    counted: dict[int, int] = {}
    async with working({KEY: material.package.path}) as engine:

        async def source(first: int) -> None:
            for number in range(first, len(pictures), CORES * 2):
                (found,) = await seen(engine, f"camera{first}", pictures[number], [KEY])
                counted[number] = sum(item.label == "person" for item in found)

        async with asyncio.TaskGroup() as group:
            for first in range(CORES * 2):
                group.create_task(source(first))
    engine_counts = [counted[number] for number in range(len(pictures))]
    sampled = engine_counts[::KEY_FRAME_EVERY]
    mean = float(np.mean(direct))
    return {
        "frames": len(pictures),
        "people_mean_direct": round(mean, 3),
        "people_mean_engine": round(float(np.mean(engine_counts)), 3),
        "frames_equal_percent": round(100 * float(np.mean(np.array(direct) == np.array(engine_counts))), 2),
        "people_mean_key_frames": round(float(np.mean(sampled)), 3),
        "key_frames_off_percent": round(100 * abs(float(np.mean(sampled)) - mean) / mean, 1),
    }


def _direct(material: Material, pictures: list[Any]) -> list[int]:
    detector = Detector(material.package.manifest, material.package.read("models/m.onnx"))
    return [sum(item.label == "person" for item in detector.detect(picture)) for picture in pictures]
