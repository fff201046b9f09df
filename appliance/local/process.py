"""Running one process of the appliance until SIGTERM or Ctrl-C."""

import argparse
import asyncio
import signal
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Protocol


class Process(Protocol):
    """A process: runs until cancelled; sockets lie in `run_folder`."""

    def __call__(self, *, run_folder: Path) -> Awaitable[None]:
        """Run until cancelled."""


def main(argv: list[str], process: Process) -> int:
    """Run `process` with `--run-folder` taken from `argv`; return 0 when a signal ended it."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--run-folder", type=Path, required=True, help="where the sockets lie")
    run_folder: Path = parser.parse_args(argv).run_folder
    run_until_signal(lambda: process(run_folder=run_folder))
    return 0


def run_until_signal(start: Callable[[], Awaitable[None]]) -> None:
    """Run what `start` returns until it ends by itself, or SIGTERM or SIGINT cancels it."""
    asyncio.run(_run(start))


async def _run(start: Callable[[], Awaitable[None]]) -> None:
    own = asyncio.current_task()
    assert own is not None  # noqa: S101 - asyncio.run gives one
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, own.cancel)
    try:
        await start()
    except asyncio.CancelledError:
        own.uncancel()  # a signal asked for the end, and this is it
