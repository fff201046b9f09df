"""The scripted street from end to end: what a whole system reports against what happens before its cameras."""

import asyncio
import json
import sys
from typing import Any

from tests.bench.engine.material import Material

ROUND_S = 80.0
"""So long a script takes to show everything once, with the time until an algorithm has noticed it."""

READY_WITHIN_S = 600.0
"""Until the whole system runs; the first time its clips are rendered."""


async def measure(_material: Material | None, seconds: float) -> dict[str, Any]:
    """Return recall and precision of the reported events, in all and by kind of happening."""
    watched_s = max(seconds, ROUND_S)
    options = ("--for", f"{watched_s:.0f}", "--json", "--port", "0")
    demo = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "hil_tests.demo", *options, stdout=asyncio.subprocess.PIPE
    )
    try:
        async with asyncio.timeout(READY_WITHIN_S + watched_s):
            said, _ = await demo.communicate()
    finally:
        if demo.returncode is None:
            demo.terminate()
            await demo.wait()
    scene = json.loads(said.decode().splitlines()[-1])["scene"]
    by_kind = {
        f"{kind}_{figure}_percent": _percent(counts[figure])
        for kind, counts in scene["by_kind"].items()
        for figure in ("recall", "precision")
    }
    return {
        "watched_s": scene["watched_s"],
        "happenings": scene["expected"],
        "recall_percent": _percent(scene["recall"]),
        "precision_percent": _percent(scene["precision"]),
        **by_kind,
    }


def _percent(share: float | None) -> float | None:
    return None if share is None else round(100 * share, 1)
