"""Key frames of cameras from the process `streams`, one by one, however many want them.

A camera that is pulled when asked is pulled because of this subscription; one that is pulled anyway is pulled once.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path

from appliance.local import DecodeLevel
from appliance.local.frames import AccessUnit, FrameSource
from appliance.local.sockets import STREAMS_SOCKET


class KeyFrames:
    """Used on one event loop; `run` keeps the connection."""

    def __init__(self, run_folder: Path) -> None:
        """Prepare; `run` connects to the streams process."""
        self._source = FrameSource(run_folder / STREAMS_SOCKET, self._take)
        self._wanted: Counter[str] = Counter()
        self._newest: dict[str, AccessUnit] = {}
        self._arrivals: dict[str, asyncio.Event] = {}

    async def run(self) -> None:
        """Keep the subscriptions alive until cancelled."""
        await self._source.run()

    async def next(self, point_id: str, *, since: datetime) -> AccessUnit:
        """Return the newest key frame that reached the box at `since` or later, once there is one."""
        async with self._wanting(point_id):
            while True:
                unit = self._newest.get(point_id)
                if unit is not None and unit.header.received_at >= since:
                    return unit
                arrival = self._arrivals.setdefault(point_id, asyncio.Event())
                arrival.clear()
                await arrival.wait()

    @asynccontextmanager
    async def _wanting(self, point_id: str) -> AsyncIterator[None]:
        self._wanted[point_id] += 1
        if self._wanted[point_id] == 1:
            self._subscribe()
        try:
            yield
        finally:
            self._wanted[point_id] -= 1
            if not self._wanted[point_id]:
                del self._wanted[point_id]
                self._newest.pop(point_id, None)
                self._arrivals.pop(point_id, None)
                self._subscribe()

    def _subscribe(self) -> None:
        self._source.subscribe(dict.fromkeys(self._wanted, DecodeLevel.KEYFRAME))

    def _take(self, unit: AccessUnit) -> None:
        point_id = unit.header.point_id
        self._source.done(point_id)
        if point_id not in self._wanted:
            return
        self._newest[point_id] = unit
        arrival = self._arrivals.get(point_id)
        if arrival is not None:
            arrival.set()
