"""Measure custody on this machine with real boxes, broker and hub; prints one JSON object as its last line."""

import argparse
import asyncio
import json
import os
import platform
import sys
import tempfile
import time
from pathlib import Path

from hil_tests.chaos.errors import ChaosError
from hil_tests.chaos.parser import Parser
from hil_tests.load.figures import Figures, table
from hil_tests.load.scenarios import SCENARIOS, Options

# Name of the setting: its kind, default, least and most, and what it says.
SIZES: dict[str, tuple[type, float, float, float, str]] = {
    "calm": (float, 15, 1, 3600, "seconds of 20 events/s from each of three boxes"),
    "changes": (int, 200, 10, 100_000, "changes that a box follows"),
    "events": (int, 30_000, 1000, 10_000_000, "events of one box at full speed"),
    "appliances": (int, 1000, 2, 10_000, "simulated appliances of a fleet"),
    "rate": (float, 6000, 1, 100_000, "events/s of the whole fleet"),
    "fleet": (float, 40, 1, 3600, "seconds of the fleet at that rate"),
    "storm": (int, 200, 1, 100_000, "events that each appliance of the fleet comes back with"),
    "backlog": (int, 400_000, 1000, 10_000_000, "events that one box comes back with; 1300000 are three days of 5/s"),
}


def main(argv: list[str]) -> int:
    """Run `fengsui load`; return 0, or 2 for a wrong call or a run without an end."""
    try:
        given = _parsed(argv)
        with tempfile.TemporaryDirectory(prefix="fengsui-load-") as folder:
            measured = asyncio.run(_measured(given, Path(folder)))
    except ChaosError as error:
        print(f"fengsui load: {error}", file=sys.stderr)
        return 2
    print(table(measured), flush=True)
    machine = f"{os.cpu_count()} cores {platform.machine()}, Python {platform.python_version()}"
    sizes = {name: getattr(given, name) for name in SIZES}
    print(json.dumps({"machine": machine, "sizes": sizes, **measured}), flush=True)
    return 0


async def _measured(given: argparse.Namespace, folder: Path) -> dict[str, Figures]:
    options = _options(given)
    measured: dict[str, Figures] = {}
    for name in given.only or SCENARIOS:
        began = time.monotonic()
        _say(f"{name}: {SCENARIOS[name].says}")
        measured[name] = await SCENARIOS[name].measure(options, folder / name, lambda line: _say(f"  {line}"))
        _say(f"  done in {time.monotonic() - began:.0f} s")
    return measured


def _options(given: argparse.Namespace) -> Options:
    return Options(
        calm_s=given.calm,
        changes=given.changes,
        events=given.events,
        appliances=given.appliances,
        rate=given.rate,
        fleet_s=given.fleet,
        storm=given.storm,
        backlog=given.backlog,
    )


def _say(line: str) -> None:
    print(line, flush=True)


def _parsed(argv: list[str]) -> argparse.Namespace:
    parser = Parser(prog="fengsui load", description=__doc__)
    parser.add_argument("--only", action="append", choices=list(SCENARIOS), help="this scenario only; may be repeated")
    for name, (kind, default, _, _, says) in SIZES.items():
        parser.add_argument(f"--{name}", type=kind, default=default, help=f"{says} (default {default:g})")
    given = parser.parse_args(argv)
    for name, (_, _, least, most, _) in SIZES.items():
        if not least <= getattr(given, name) <= most:
            raise ChaosError(f"--{name} takes a number from {least:g} to {most:g}")
    return given
