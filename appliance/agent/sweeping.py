"""Keeps the box's own record within its bounds, now and then, and at once while the disk is full."""

import asyncio
import logging
import sqlite3
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

from appliance.agent import set_aside
from appliance.agent.state import AgentState
from appliance.config import RecordConfig
from appliance.store import damage
from appliance.store.lanes import LaneRule
from appliance.store.moments import to_us
from appliance.store.reserve import Reserve
from appliance.store.retention import Bounds, Moment, Swept, is_full, is_short, sweep, wanted_bytes
from federation.machine import disk_room
from federation.messages import ClockState, Lane

log = logging.getLogger(__name__)

EVERY_S = 30.0
LOOK_AGAIN_S = 2.0  # while the disk lacks room


class Sweeper:
    """Takes the steps of `appliance.store.retention`. Since when the disk lacks room outlives a `run` that fails."""

    def __init__(self, state: AgentState, reserve: Reserve, *, has_hub: Callable[[], bool]) -> None:
        """Keep the record of `state` within what its configuration says; `reserve` helps where the disk is full."""
        self._state = state
        self._reserve = reserve
        self._has_hub = has_hub
        self._bounds = bounds_of(state.config.record)
        self._short_since_s: float | None = None
        self._full_since_s: float | None = None

    async def run(self) -> None:
        """Sweep until cancelled; raise sqlite3.Error where not even a removal can be written."""
        await asyncio.to_thread(set_aside.remove_parted, self._state.config.pictures_folder)
        while True:
            swept = await self._step()
            for digest in swept.pictures:
                await asyncio.to_thread(self._state.pictures.remove, digest)
            for given in swept.given_up:
                log.error("%d of lane %s given up before the hub had them: %s", given.count, given.lane, given.reason)
            if not swept:
                await self._state.record_set_aside()  # not before: on a full disk nothing can be written
                await asyncio.sleep(EVERY_S if self._short_since_s is None else LOOK_AGAIN_S)

    async def _step(self) -> Swept:
        folder = self._state.config.data_folder
        room = await asyncio.to_thread(disk_room, folder)
        moment = Moment(
            now_us=to_us(datetime.now(UTC)),
            disk_bytes=room.size_bytes,
            free_bytes=room.free_bytes,
            enrolled=self._has_hub(),
            clock_right=self._state.clock.look().state is ClockState.SYNCHRONISED,
        )
        short, full = await self._state.database.read(
            lambda db: (is_short(db, self._bounds, moment), is_full(db, self._bounds, moment))
        )
        now_s = time.monotonic()
        self._short_since_s = (self._short_since_s or now_s) if short else None
        self._full_since_s = (self._full_since_s or now_s) if full else None
        moment = replace(
            moment,
            short_s=0.0 if self._short_since_s is None else now_s - self._short_since_s,
            full_s=0.0 if self._full_since_s is None else now_s - self._full_since_s,
        )
        if moment.free_bytes < wanted_bytes(self._bounds, moment):
            await asyncio.to_thread(damage.remove_oldest, folder)
        if room.free_bytes > wanted_bytes(self._bounds, moment) + self._reserve.size_bytes:
            await asyncio.to_thread(self._reserve.hold)
        return await self._swept(moment)

    async def _swept(self, moment: Moment) -> Swept:
        try:
            return await self._state.commit(lambda db: sweep(db, self._bounds, moment))
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_FULL or not await asyncio.to_thread(self._reserve.release):
                raise
        return await self._state.commit(lambda db: sweep(db, self._bounds, moment))


def bounds_of(record: RecordConfig) -> Bounds:
    """Return what a box may hold: pictures give way first, events last."""
    replay_us = int(record.replay_h * 3_600_000_000)
    quotas = (
        (Lane.EVIDENCE, record.unsent_results, record.replay_results),
        (Lane.RESULTS, record.unsent_results, record.replay_results),
        (Lane.EVENTS, record.unsent_events, record.replay_events),
    )
    return Bounds(
        events=record.events,
        pictures_bytes=record.pictures_bytes,
        free_bytes=record.free_bytes,
        lanes=tuple(
            LaneRule(lane=lane, quota_rows=quota, replay_rows=replay, replay_us=replay_us)
            for lane, quota, replay in quotas
        ),
    )
