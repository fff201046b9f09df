"""What the engine adds to a bare model: python -m tests.bench.engine, or make bench-engine.

Prints its progress, a table, and one JSON object as its last line. Without the folder of real footage the scenarios
that need it are left out, and a line says so. Where no graphics card can be used, their figures are called unmeasured.
"""

import argparse
import asyncio
import json
import sys
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import cv2

from tests.bench.engine import bundle, cameras, counting, graphics, packages, scene, throughput
from tests.bench.engine.material import Material, given
from tests.bench.engine.table import rows

DATA = Path(__file__).parents[3].parent / "shared" / "data"
WITH_FOOTAGE: dict[str, Callable[[Material, float], Awaitable[dict[str, Any]]]] = {
    "throughput": throughput.measure,
    "cameras": cameras.measure,
    "counting": counting.measure,
    "graphics": graphics.measure,
}
PLANTED: dict[str, Callable[[Material | None, float], Awaitable[dict[str, Any]]]] = {
    "packages": packages.measure,
    "bundle": bundle.measure,
    "scene": scene.measure,
}
SCENARIOS = ("throughput", "cameras", "packages", "bundle", "scene", "counting", "graphics")


def main(argv: list[str]) -> int:
    """Measure what the options ask for; return 0."""
    parser = argparse.ArgumentParser(prog="bench-engine", description=__doc__)
    parser.add_argument("--data", type=Path, default=DATA, help="folder with models/ and footage/, see contributor.md")
    parser.add_argument("--seconds", type=float, default=30.0, help="how long each rate is measured")
    parser.add_argument("--only", default=",".join(SCENARIOS), help="scenarios, with commas between them")
    options = parser.parse_args(argv)
    chosen = [name for name in options.only.split(",") if name]
    unknown = sorted(set(chosen) - set(SCENARIOS))
    if unknown:
        parser.error(f"no such scenario: {', '.join(unknown)}; there are {', '.join(SCENARIOS)}")
    cv2.setNumThreads(1)
    figures = asyncio.run(_run(options, chosen))
    for line in rows(figures):
        print(line)
    print(json.dumps(figures))
    return 0


async def _run(options: argparse.Namespace, chosen: list[str]) -> dict[str, Any]:
    figures: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder:
        material = await asyncio.to_thread(given, options.data, Path(folder))
        for name in chosen:
            if name in PLANTED:
                figures[name] = await PLANTED[name](material, options.seconds)
            elif material is None:
                _say(f"{name}: skipped, {options.data} holds no models/yolox_nano.onnx and footage/vtest.avi")
                continue
            else:
                figures[name] = await WITH_FOOTAGE[name](material, options.seconds)
            _say(f"{name}: {json.dumps(figures[name])}")
    return figures


def _say(line: str) -> None:
    print(f"bench-engine: {line}", flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
