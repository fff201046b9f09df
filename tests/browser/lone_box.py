"""One box without a hub, and virtual cameras beside it: what an installer meets first."""

import asyncio
import json
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import Future
from contextlib import AbstractAsyncContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

from federation.testing.waiting import wait_until

CONFIG = """\
profile = "analysis"
data_folder = "data"
run_folder = "run"

[panel]
host = "127.0.0.1"
port = 0

[lan]
host = "127.0.0.1"
port = 0
discovery = false
interfaces = ["127.0.0.1"]
"""
START_WITHIN_S = 300.0  # a first run renders and encodes its clips
STOP_WITHIN_S = 90.0  # three programs that may take ten seconds each

T = TypeVar("T")
Result = TypeVar("Result")


@dataclass(frozen=True, kw_only=True)
class LoneBox:
    """A running box: where its panel answers, and where its data lies."""

    url: str
    data: Path


@contextmanager
def lone_box(root: Path, config: str = CONFIG) -> Iterator[LoneBox]:
    """Run all processes of a box below `root`, a short path, for as long as the context is open."""
    file = root / "box.toml"
    file.write_text(config, encoding="utf-8")
    note = root / "run" / "panel.json"
    command = [str(Path(sys.executable).parent / "fengsui"), "appliance", "run", "--config", str(file)]
    with (root / "box.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
    try:
        wait_until(note.exists, within_s=180, what="the panel answers")
        yield LoneBox(url=json.loads(note.read_text(encoding="utf-8"))["url"], data=root / "data")
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(STOP_WITHIN_S)


@dataclass(frozen=True, kw_only=True)
class Held(Generic[T]):
    """What an asynchronous context gave, and how to do something with it in its own thread."""

    value: T
    loop: asyncio.AbstractEventLoop

    def do(self, work: Callable[[T], Result], within_s: float = 30) -> Result:
        """Return what `work` does with the value, on its event loop."""

        async def done() -> Result:
            return work(self.value)

        return asyncio.run_coroutine_threadsafe(done(), self.loop).result(within_s)


@contextmanager
def held(context: AbstractAsyncContextManager[T]) -> Iterator[Held[T]]:
    """Hold an asynchronous context open in a thread of its own; the browser's driver occupies that of the test."""
    ready: Future[Held[T]] = Future()
    ended: Future[asyncio.Event] = Future()

    async def hold() -> None:
        end = asyncio.Event()
        async with context as value:
            ended.set_result(end)
            ready.set_result(Held(value=value, loop=asyncio.get_running_loop()))
            await end.wait()

    thread = threading.Thread(target=_told, args=(hold, ready), name="held")
    thread.start()
    try:
        found = ready.result(START_WITHIN_S)
        yield found
    finally:
        if ended.done():
            found.loop.call_soon_threadsafe(ended.result().set)
        thread.join(STOP_WITHIN_S)


def _told(hold: Callable[[], Coroutine[Any, Any, None]], ready: Future[Any]) -> None:
    try:
        asyncio.run(hold())
    except Exception as error:
        if not ready.done():
            ready.set_exception(error)
            return
        raise
