"""Carries out orders of snapshots: the most urgent first, as fast as the limits allow, each picture once."""

import asyncio
import logging
import sqlite3
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from appliance.capture import index, pacing
from appliance.capture.figures import Figures
from appliance.capture.index import Snapshot
from appliance.capture.lanes import Lanes, Taking
from appliance.capture.order import PAUSES_S, NotTaken, Order, Origin, Pauses, Shot
from appliance.capture.pacing import Bucket, Gate
from appliance.capture.photographer import Photographer
from appliance.capture.shelf import Shelf

log = logging.getLogger(__name__)

LOAD_EVERY_S = 1.0
LOADED_AT_ONCE = 400
BOX = "box"

GatesOf = Callable[[str], list[Gate]]
"""Which gates a snapshot of a point has to pass, whoever wants it."""


@dataclass(kw_only=True)
class Dispatcher:
    """At most `at_once` snapshots are taken at one time. Used on one event loop.

    `common` returns the gates that all pass who want one for the same reason, `gates` those of a point.

    Of a camera that `turns` only one is taken at a time: it is one resource.
    """

    photographer: Photographer
    shelf: Shelf
    common: Callable[[Origin], list[Gate]]
    gates: GatesOf
    at_once: int
    turns: Callable[[str], bool]
    pauses: Pauses = field(default_factory=lambda: PAUSES_S)
    lanes: Lanes = field(default_factory=Lanes)
    figures: Figures = field(default_factory=Figures)
    _levels: dict[str, Bucket] = field(default_factory=dict)
    _running: dict[tuple[str, str], Taking] = field(default_factory=dict)
    _busy: Counter[str] = field(default_factory=Counter)
    _count: int = 0
    _held: set[str] = field(default_factory=set)
    _waiters: dict[str, "asyncio.Future[Snapshot]"] = field(default_factory=dict)
    _changed: asyncio.Event = field(default_factory=asyncio.Event)
    _to_load: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def running(self) -> int:
        """How many pictures are being taken."""
        return self._count

    def put(self, order: Order) -> bool:
        """Let an order be carried out; tell whether there was room for it."""
        now = datetime.now(UTC)
        running = self._running.get(order.key)
        if running is not None and running.serves(order, now):
            running.orders.append(order)
        elif not self.lanes.put(order, now):
            return False
        self._held.add(order.id)
        self._changed.set()
        return True

    async def settled(self, order: Order) -> Snapshot:
        """Carry out an order and return what became of it; raise NotTaken where not even that can be noted."""
        future: asyncio.Future[Snapshot] = asyncio.get_running_loop().create_future()
        self._waiters[order.id] = future
        try:
            if not self.put(order):
                raise NotTaken("too_busy", "as many snapshots wait as this box takes; try again later")
            return await future
        finally:
            del self._waiters[order.id]

    def load(self) -> None:
        """Look at once for orders that wait in the index."""
        self._to_load.set()

    async def run(self) -> None:
        """Carry out orders until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._load_forever(), name="waiting snapshots")
            while True:
                self._changed.clear()
                pause_s = self._start(group)
                try:
                    async with asyncio.timeout(pause_s):
                        await self._changed.wait()
                except TimeoutError:
                    continue

    def _start(self, group: asyncio.TaskGroup) -> float | None:
        """Begin all that may begin now; return after how long to look again, None: when something changes."""
        while self._count < self.at_once:
            now_s = time.monotonic()
            taking, pause_s = self.lanes.pick(
                lambda origin: pacing.wait_s(self._levels, self.common(origin), now_s),  # noqa: B023 - it runs now
                lambda one: self._wait_s(one, now_s),  # noqa: B023 - so does it
            )
            if taking is None:
                return pause_s
            self._begin(taking, group, now_s)
        return None

    def _wait_s(self, taking: Taking, now_s: float) -> float | None:
        first = taking.orders[0]
        if first.key in self._running or (self._busy[first.point_id] and self.turns(first.point_id)):
            return None
        return pacing.wait_s(self._levels, self.gates(first.point_id), now_s)

    def _begin(self, taking: Taking, group: asyncio.TaskGroup, now_s: float) -> None:
        first = taking.orders[0]
        gates = [*self.common(first.origin), *self.gates(first.point_id)]
        self._levels.update(pacing.passed(self._levels, gates, now_s))
        taking.begin(datetime.now(UTC))
        self._running[first.key] = taking
        self._count += 1
        self._busy[first.point_id] += 1
        group.create_task(self._carry_out(taking), name=f"snapshot of {first.point_id}")

    async def _carry_out(self, taking: Taking) -> None:
        try:
            shot = await self.photographer.take(taking.order)
            self._close(taking)
            await self._keep(taking.orders, shot)
        except NotTaken as why:
            self._close(taking)
            for order in taking.orders:
                await self._failed(order, why)
        finally:
            self._close(taking)
            self._count -= 1
            self._busy -= Counter((taking.orders[0].point_id,))
            self._changed.set()

    def _close(self, taking: Taking) -> None:
        """Let no more orders join a picture."""
        key = taking.orders[0].key
        if self._running.get(key) is taking:
            del self._running[key]

    async def _keep(self, orders: list[Order], shot: Shot) -> None:
        for order, row in zip(orders, await self.shelf.keep(shot, orders), strict=True):
            self._end(order, row)

    async def _failed(self, order: Order, why: NotTaken) -> None:
        pauses = self.pauses[order.origin]
        try:
            if why.is_final or order.attempts >= len(pauses):
                self._end(order, await self.shelf.give_up(order, why))
                return
            if order.origin is Origin.ASYNC:
                await self.shelf.postpone(order, why, pauses[order.attempts])
                self._held.discard(order.id)
                return
        except sqlite3.Error as error:
            log.warning("what became of snapshot %s cannot be noted: %s", order.id, error)
            self._drop(order, why)
            return
        again = replace(order, attempts=order.attempts + 1)
        asyncio.get_running_loop().call_later(pauses[order.attempts], self.put, again)

    def _end(self, order: Order, row: Snapshot) -> None:
        now = datetime.now(UTC)
        took_s = (now - order.asked_at).total_seconds()
        self.figures.note(time.monotonic(), took_s, taken=row.state == "done")
        self._held.discard(order.id)
        waiter = self._waiters.get(order.id)
        if waiter is not None and not waiter.done():
            waiter.set_result(row)

    def _drop(self, order: Order, why: NotTaken) -> None:
        """Tell who waits that not even the failure could be noted; an order in the index is tried again from there."""
        self._held.discard(order.id)
        waiter = self._waiters.get(order.id)
        if waiter is not None and not waiter.done():
            waiter.set_exception(why)

    async def _load_forever(self) -> None:
        """Take orders out of the index when they are due; those that a restart has interrupted too."""
        while True:
            self._to_load.clear()
            now = datetime.now(UTC)
            for row in await self.shelf.database.read(lambda db: index.due(db, now, limit=LOADED_AT_ONCE)):  # noqa: B023
                if row.id not in self._held:
                    self.put(row.order)
            try:
                async with asyncio.timeout(LOAD_EVERY_S):
                    await self._to_load.wait()
            except TimeoutError:
                continue
