"""Kill, cut and fill what runs, from a seed; then count whether every event reached the hub exactly once."""

import argparse
import asyncio
import json
import os
import random
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

from federation.testing.waiting import NeverHappened
from hil_tests.chaos.brokers import BROKERS, MOSQUITTO
from hil_tests.chaos.errors import ChaosError
from hil_tests.chaos.parser import Parser
from hil_tests.chaos.run import Options, Outcome, run
from hil_tests.chaos.timeline import drawn
from hil_tests.network.choice import GROUNDS, chosen_ground
from hil_tests.network.errors import NetworkError

LEFTOVER = "fengsui-chaos-"
MOST_EVENTS, MOST_FAULTS, MOST_BOXES = 10_000_000, 100_000, 16


def main(argv: list[str]) -> int:
    """Run `fengsui chaos`; return 0 if everything held, 1 if not, 2 for a wrong call."""
    try:
        given = _parsed(argv)
        names = ("events", "faults", "seed", "boxes", "broker")
        options = Options(**{name: getattr(given, name) for name in names})
        for number in (signal.SIGINT, signal.SIGTERM):  # a shell's background job is born with SIGINT ignored
            signal.signal(number, signal.default_int_handler)
        _say(f"seed {options.seed}")
        _say(f"again: {_command(options, given.net)}")
        with _folder(given.keep) as folder:
            report = asyncio.run(_run(options, given.net, folder, keep=given.keep is not None))
    except (ChaosError, NetworkError, NeverHappened) as error:
        print(f"fengsui chaos: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 1
    print(json.dumps(report), flush=True)
    return 0 if report["ok"] else 1


async def _run(options: Options, net: str | None, folder: Path, *, keep: bool) -> dict[str, object]:
    async with chosen_ground(net, _say) as ground:
        outcome, chronicle = await run(options, ground, folder, _say)
    report = _report(options, ground.name, outcome)
    if keep:
        page, command = folder / "timeline.html", _command(options, net)
        text = drawn(chronicle.samples, chronicle.struck, report, command=command)
        await asyncio.to_thread(page.write_text, text, encoding="utf-8")
        _say(f"timeline: {page}")
    return report


def _report(options: Options, net: str, outcome: Outcome) -> dict[str, object]:
    figures = asdict(outcome)
    verdict = figures.pop("verdict")
    return {
        "ok": outcome.ok,
        "seed": options.seed,
        "net": net,
        "broker": options.broker,
        "boxes": options.boxes,
        **verdict,
        "faults_struck": sum(outcome.faults.values()),
        **figures,
    }


def _command(options: Options, net: str | None) -> str:
    words = [f"--{name} {value}" for name, value in asdict(options).items()]
    return " ".join(["fengsui chaos", *words, *([f"--net {net}"] if net else [])])


def _say(line: str) -> None:
    print(line, flush=True)


def remove_leftovers(where: Path) -> None:
    """Remove the folders of runs that were killed; programs and networks have died with them."""
    for folder in where.glob(f"{LEFTOVER}*-*"):
        owner = folder.name.removeprefix(LEFTOVER).partition("-")[0]
        if owner.isdecimal() and not Path(f"/proc/{owner}").exists():
            shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _folder(keep: Path | None) -> Iterator[Path]:
    if keep is not None:
        keep.mkdir(parents=True, exist_ok=True)
        yield keep.resolve()
        return
    remove_leftovers(Path(tempfile.gettempdir()))
    folder = Path(tempfile.mkdtemp(prefix=f"{LEFTOVER}{os.getpid()}-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _parsed(argv: list[str]) -> argparse.Namespace:
    parser = Parser(prog="fengsui chaos", description=__doc__)
    parser.add_argument("--events", type=int, default=100_000, help="events to produce (default 100000)")
    parser.add_argument("--faults", type=int, default=200, help="faults to let happen (default 200)")
    parser.add_argument("--seed", type=int, help="draws the same faults again (default: a new one)")
    parser.add_argument("--boxes", type=int, default=3, help="appliances (default 3)")
    parser.add_argument("--broker", choices=BROKERS, default=MOSQUITTO, help="what relays messages (default mosquitto)")
    parser.add_argument("--net", choices=GROUNDS, help="what links are made of (default: namespaces where permitted)")
    parser.add_argument("--keep", type=Path, help="keep databases, logs and a timeline in this folder")
    given = parser.parse_args(argv)
    for name, most in (("events", MOST_EVENTS), ("faults", MOST_FAULTS), ("boxes", MOST_BOXES)):
        least = 0 if name == "faults" else 1
        if not least <= getattr(given, name) <= most:
            raise ChaosError(f"--{name} takes a number from {least} to {most}")
    if given.keep is not None and given.keep.exists() and any(given.keep.iterdir()):
        raise ChaosError(f"--keep takes an empty folder; {given.keep} is not empty")
    given.seed = random.SystemRandom().randrange(2**31) if given.seed is None else given.seed
    return given
