"""Feeds one model: takes batches out of its line and hands them to the threads of its device."""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from appliance.analysis.engine.frame import Dropped
from appliance.analysis.engine.queue import Lane, Limits, Queue, Waiting

Work = TypeVar("Work")
Result = TypeVar("Result")
Clock = Callable[[], float]


@dataclass(frozen=True, kw_only=True)
class Place:
    """The threads of one device, and so many turns at them as it has workers: models take turns in order."""

    turns: asyncio.Semaphore
    threads: Executor


@dataclass(kw_only=True)
class _Asked(Generic[Work, Result]):
    work: Work
    answer: asyncio.Future[Result | Dropped]


@dataclass(kw_only=True)
class Dispatcher(Generic[Work, Result]):
    """All methods run on the event loop; `serve` runs on a thread and answers a batch in its order."""

    place: Place
    limits: Limits
    serve: Callable[[Sequence[Work]], Sequence[Result | Dropped]]
    clock: Clock
    queue: Queue[_Asked[Work, Result]] = field(init=False)
    _news: asyncio.Event = field(default_factory=asyncio.Event)
    _each_s: float | None = None

    def __post_init__(self) -> None:
        """Start with an empty line."""
        self.queue = Queue(limits=self.limits)

    def ask(self, work: Work, *, source: str, lane: Lane) -> asyncio.Future[Result | Dropped]:
        """Stand in line; the answer is a result, or why there is none. It never raises."""
        asked: _Asked[Work, Result] = _Asked(work=work, answer=asyncio.get_running_loop().create_future())
        gone = self.queue.put(asked, source=source, lane=lane, now_s=self.clock())
        if gone is not None:
            _settle(gone, Dropped(reason="full" if gone is asked else "superseded"))
        self._news.set()
        return asked.answer

    async def run(self) -> None:
        """Feed the model until cancelled; what still waits then is dropped."""
        try:
            async with asyncio.TaskGroup() as group:
                while True:
                    await self._ready()
                    place = self.place  # it may be another for the next batch
                    await place.turns.acquire()
                    self._expire()
                    batch = self.queue.take(self.clock(), self._each_s)
                    if batch:
                        group.create_task(self._serve(batch, place), name="batch")
                    else:
                        place.turns.release()
        finally:
            for asked in self.queue.clear():
                _settle(asked, Dropped(reason="unloaded"))

    async def _ready(self) -> None:
        while True:
            self._expire()
            pause_s = self.queue.ready_in_s(self.clock())
            if pause_s == 0:
                return
            self._news.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(pause_s):
                    await self._news.wait()

    def _expire(self) -> None:
        for asked in self.queue.expire(self.clock()):
            _settle(asked, Dropped(reason="stale"))

    async def _serve(self, batch: list[Waiting[_Asked[Work, Result]]], place: Place) -> None:
        asked = [item.work for item in batch]
        results: Sequence[Result | Dropped] = [Dropped(reason="unloaded")] * len(asked)
        begun_s = self.clock()
        try:
            loop = asyncio.get_running_loop()
            results = await loop.run_in_executor(place.threads, self.serve, [item.work for item in asked])
        finally:
            place.turns.release()
            self.queue.free(batch)
            self._each_s = (self.clock() - begun_s) / len(batch)
            self._news.set()
            for item, result in zip(asked, results, strict=True):
                _settle(item, result)


def _settle(asked: _Asked[Work, Result], result: Result | Dropped) -> None:
    if not asked.answer.done():
        asked.answer.set_result(result)
