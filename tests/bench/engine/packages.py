"""Many packages: 64 at work on one street at once, and a thousand that are known."""

import asyncio
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from appliance.analysis.engine.packages import PackageKey
from federation.packages import open_package
from tests.bench.engine.material import Material, small_package
from tests.bench.engine.working import seen, working

ACTIVE, KNOWN = 64, 1024
STREET = np.full((576, 768, 3), 128, np.uint8)


async def measure(_material: Material | None, seconds: float) -> dict[str, Any]:
    """Return what 64 models cost together, and what it takes to read 1,024 packages and check each."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        paths = [(await asyncio.to_thread(small_package, folder, number)).path for number in range(KNOWN)]
        begun_s = time.perf_counter()
        for path in paths:
            await asyncio.to_thread(open_package, path)
        known_s = time.perf_counter() - begun_s
        wanted: dict[PackageKey, Path] = {(path.stem, "1.0.0"): path for path in paths[:ACTIVE]}
        begun_s = time.perf_counter()
        async with working(wanted) as engine:
            loaded_s = time.perf_counter() - begun_s
            answers, begun_s = 0, time.perf_counter()
            while time.perf_counter() - begun_s < seconds:
                answers += len(await seen(engine, "street", STREET, list(wanted)))
            span_s = time.perf_counter() - begun_s
            models = engine.report().models
    return {
        "active": ACTIVE,
        "loaded_s": round(loaded_s, 2),
        "answers_per_s": round(answers / span_s, 1),
        "frames_per_s": round(answers / span_s / ACTIVE, 2),
        "fewest_pictures": min(item.pictures for item in models),
        "dropped": sum(sum(item.dropped.values()) for item in models),
        "memory_mb": round(sum(item.memory_mb for item in models), 1),
        "memory_mb_each": round(sum(item.memory_mb for item in models) / ACTIVE, 1),
        "known": KNOWN,
        "known_checked_s": round(known_s, 2),
    }
