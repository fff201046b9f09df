"""What pulling cameras costs: python -m tests.bench.streams, or make bench-streams.

Prints its progress, a table, and one JSON object as its last line. Every scenario runs the real process `streams`
against virtual cameras in a process of their own, so that the cost of both is told apart. One that fails, or takes
longer than it may, is said to have failed; what falls short of its bar is listed. The others go on.
"""

import argparse
import asyncio
import json
import logging
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from tests.bench.streams import (
    dead,
    decoding,
    pulling,
    pyav_recording,
    pyav_threads,
    reconnecting,
    recording,
    snapshots,
    viewing,
)
from tests.bench.streams.field import Field, running_field
from tests.bench.streams.footage import clip_folder
from tests.bench.streams.table import rows, short

log = logging.getLogger(__name__)

Scenario = Callable[[Field], Awaitable[dict[str, Any]]]

# A scenario measures one thing and returns its figures by name; table.py says what they are called and their bar.
SCENARIOS: dict[str, Scenario] = {
    "pull": pulling.measure,
    "decode": decoding.measure,
    "baseline": pyav_threads.measure,
    "record": recording.measure,
    "remux": pyav_recording.measure,
    "live": viewing.measure,
    "reconnect": reconnecting.measure,
    "soak": reconnecting.soak,
    "dead": dead.measure,
    "snapshots": snapshots.measure,
}


LIMITS_S = {"reconnect": 300.0, "soak": 300.0}
LIMIT_S = 180.0
"""So long a scenario may take besides what it measures; on two quiet cores none takes half of it."""


def main(argv: list[str]) -> int:
    """Measure what the options ask for; return 0, whatever falls short."""
    parser = argparse.ArgumentParser(prog="bench-streams", description=__doc__)
    parser.add_argument("--cameras", type=int, default=100, help="of 1080p, 4 Mbit/s, a key frame every 2 s")
    parser.add_argument("--seconds", type=float, default=20.0, help="how long each cost is measured")
    parser.add_argument("--snapshot-seconds", type=float, default=60.0, help="how long at least snapshots are counted")
    parser.add_argument("--kills", type=int, default=200, help="cameras that are cut off and come back")
    parser.add_argument("--reconnects", type=int, default=2000, help="of the soak")
    parser.add_argument("--dead", type=int, default=1000, help="cameras that never answer")
    parser.add_argument("--only", default=",".join(SCENARIOS), help="scenarios, with commas between them: %(default)s")
    parser.add_argument("--cache", type=Path, default=Path("build/bench"), help="folder that keeps the clip")
    options = parser.parse_args(argv)
    chosen = [name for name in options.only.split(",") if name]
    unknown = sorted(set(chosen) - set(SCENARIOS))
    if unknown:
        parser.error(f"no such scenario: {', '.join(unknown)}; there are {', '.join(SCENARIOS)}")
    figures = asyncio.run(_run(options, chosen))
    figures["short"] = list(short(figures))
    for line in rows(figures):
        print(line)
    print(json.dumps(figures))
    return 0


async def _run(options: argparse.Namespace, chosen: list[str]) -> dict[str, Any]:
    _say(f"clip: {options.cache}")
    footage = await asyncio.to_thread(clip_folder, options.cache)
    began_s = time.monotonic()
    figures: dict[str, Any] = {"cameras": options.cameras, "mbit_s_each": 4.0}
    for name in chosen:
        _say(f"{name}: begins")
        figures[name] = await _measured(name, footage, options)
        _say(f"{name}: {json.dumps(figures[name])}")
    figures["took_s"] = round(time.monotonic() - began_s)
    return figures


async def _measured(name: str, footage: Path, options: argparse.Namespace) -> dict[str, Any]:
    """Return the figures of a scenario, or why there are none."""
    limit_s = LIMITS_S.get(name, LIMIT_S) + max(options.seconds, options.snapshot_seconds)
    try:
        with tempfile.TemporaryDirectory() as folder:
            async with asyncio.timeout(limit_s), running_field(Path(folder), footage, options, _say) as field:
                return await SCENARIOS[name](field)
    except Exception as error:
        log.exception("%s has failed", name)
        why = str(error) or f"not done within {limit_s:.0f} s"
        return {"failed_with": f"{type(error).__name__}: {why}"}


def _say(line: str) -> None:
    print(f"bench-streams: {line}", flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
