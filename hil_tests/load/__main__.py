"""Measure custody on this machine with real boxes, broker and hub; prints one JSON object as its last line."""

import argparse
import asyncio
import json
import os
import platform
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path

from hil_tests.chaos.errors import ChaosError
from hil_tests.chaos.parser import Parser
from hil_tests.load.run import Options, run

LIMITS = {"boxes": (2, 16), "events": (100, 10_000_000), "backlog": (100, 10_000_000), "calm": (1, 3600)}


def main(argv: list[str]) -> int:
    """Run `fengsui load`; return 0, or 2 for a wrong call or a run without an end."""
    try:
        given = _parsed(argv)
        options = Options(boxes=given.boxes, events=given.events, backlog=given.backlog, calm_s=given.calm)
        with tempfile.TemporaryDirectory(prefix="fengsui-load-") as folder:
            figures = asyncio.run(run(options, Path(folder), _say))
    except ChaosError as error:
        print(f"fengsui load: {error}", file=sys.stderr)
        return 2
    machine = f"{os.cpu_count()} cores {platform.machine()}, Python {platform.python_version()}"
    print(json.dumps({"machine": machine, **asdict(options), **asdict(figures)}), flush=True)
    return 0


def _say(line: str) -> None:
    print(line, flush=True)


def _parsed(argv: list[str]) -> argparse.Namespace:
    parser = Parser(prog="fengsui load", description=__doc__)
    parser.add_argument("--boxes", type=int, default=3, help="appliances (default 3)")
    parser.add_argument("--events", type=int, default=10_000, help="events at full speed (default 10000)")
    parser.add_argument("--backlog", type=int, default=10_000, help="events while the hub is away (default 10000)")
    parser.add_argument("--calm", type=float, default=10.0, help="seconds of 20 events/s from every box (default 10)")
    given = parser.parse_args(argv)
    for name, (least, most) in LIMITS.items():
        if not least <= getattr(given, name) <= most:
            raise ChaosError(f"--{name} takes a number from {least} to {most}")
    return given
