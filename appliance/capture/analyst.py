"""Takes pictures to the algorithms that their plans name: those of one plan together, as a picture task (图片任务).

A task is kept before its pictures are noted as handed over: a box that goes down between the two hands them over once
more, under the same names, and loses none.
"""

import asyncio
import sqlite3
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from appliance.capture import analyses
from appliance.capture.courier import LONGEST, pause_s
from appliance.capture.index import Snapshot
from appliance.store.database import Database
from appliance.store.pictures import PictureFolder
from federation.http import Problem
from federation.messages import PlanAlgorithm

TOGETHER = 100
TOGETHER_BYTES = 64 << 20
WAIT = timedelta(seconds=10)
LOOK_EVERY_S = 1.0

OrderTask = Callable[[PlanAlgorithm, Mapping[str, bytes]], Awaitable[str]]
"""Puts pictures by name in line for an algorithm, for good; returns the id of the task. Raises Problem, or what a disk
raises that is full."""


@dataclass(kw_only=True)
class Analyst:
    """`algorithm` returns who looks at the pictures of a plan, None for nobody (any more).

    It waits until there are `TOGETHER` pictures, or until one has waited for `wait`. A plan whose pictures are not
    taken rests for a while; others need not wait for it.
    """

    database: Database
    pictures: PictureFolder
    algorithm: Callable[[str], PlanAlgorithm | None]
    order: OrderTask
    wait: timedelta = WAIT
    first_pause_s: float = 5.0
    look_every_s: float = LOOK_EVERY_S
    _resting: dict[str, float] = field(default_factory=dict)
    _failures: dict[str, int] = field(default_factory=dict)

    async def run(self) -> None:
        """Hand over until cancelled."""
        while True:
            if found := await self._next():
                await self._hand_over(found)
            else:
                await asyncio.sleep(self.look_every_s)

    async def _next(self) -> list[Snapshot]:
        """Return pictures of one plan that go into a task now."""
        now_s, since = time.monotonic(), datetime.now(UTC) - self.wait
        self._resting = {plan: until_s for plan, until_s in self._resting.items() if until_s > now_s}
        without = frozenset(self._resting)
        found = await self.database.read(lambda db: analyses.ready(db, since, without=without, together=TOGETHER))
        return within(found, TOGETHER_BYTES)

    async def _hand_over(self, found: list[Snapshot]) -> None:
        algorithm = self.algorithm(found[0].plan_id)
        if algorithm is None:
            await self._give_up(found, "no_algorithm: its plan names no algorithm any more")
            return
        contents = await asyncio.to_thread(self._read, found)
        if gone := [each for each in found if each.id not in contents]:
            await self._give_up(gone, "no_picture: the picture was removed before it could be analysed")
        here = [each for each in found if each.id in contents]
        if here:
            await self._order(algorithm, here, contents)

    async def _order(self, algorithm: PlanAlgorithm, here: list[Snapshot], contents: Mapping[str, bytes]) -> None:
        try:
            task_id = await self.order(algorithm, contents)
        except Problem as problem:
            await self._not_taken(here, f"{problem.code}: {problem.detail}")
        except (OSError, sqlite3.Error) as error:  # of the disk that keeps tasks, not of our own index
            await self._not_taken(here, f"not_kept: {error}")
        else:
            self._failures.pop(here[0].plan_id, None)
            await self.database.run(lambda db: analyses.handed_over(db, here, task_id))

    async def _not_taken(self, here: list[Snapshot], reason: str) -> None:
        """Let the plan rest, the longer the oftener this was so; what nobody waits for any more has failed."""
        plan_id, before = here[0].plan_id, datetime.now(UTC) - LONGEST
        failures = self._failures[plan_id] = self._failures.get(plan_id, 0) + 1
        self._resting[plan_id] = time.monotonic() + pause_s(failures, self.first_pause_s)
        last = f"given_up: not taken within {LONGEST.total_seconds() / 3600:g} hours; the last time {reason}"

        def work(db: sqlite3.Connection) -> None:
            analyses.postpone(db, here, reason)
            analyses.give_up_older(db, plan_id, before, last)

        await self.database.run(work)

    async def _give_up(self, snapshots: list[Snapshot], reason: str) -> None:
        await self.database.run(lambda db: analyses.give_up(db, snapshots, reason))

    def _read(self, snapshots: Iterable[Snapshot]) -> dict[str, bytes]:
        """Return the pictures that are here by the ids of their snapshots; blocks."""
        found = {each.id: self.pictures.read(each.digest) for each in snapshots if each.digest is not None}
        return {name: content for name, content in found.items() if content is not None}


def within(snapshots: Iterable[Snapshot], most_bytes: int) -> list[Snapshot]:
    """Return the first of them that have so many bytes together, one at least."""
    chosen: list[Snapshot] = []
    size_bytes = 0
    for each in snapshots:
        size_bytes += each.size_bytes
        if chosen and size_bytes > most_bytes:
            break
        chosen.append(each)
    return chosen
