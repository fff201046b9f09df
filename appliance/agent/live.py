"""Notices for open panel pages and for the parts of the agent that wait for a change."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from federation.http import Output

BACKLOG = 256


class Notice(Output):
    """Something changed: `event.created`, `camera.changed`, `task.changed` or `link.changed`, with its data."""

    kind: str
    data: dict[str, Any]


class LiveFeed:
    """Hands notices to every viewer; a viewer that is too slow loses the oldest, counted in `dropped`."""

    def __init__(self) -> None:
        """Start without viewers."""
        self.dropped = 0
        self._viewers: set[asyncio.Queue[Notice]] = set()

    @property
    def viewers(self) -> int:
        """How many pages are listening."""
        return len(self._viewers)

    def publish(self, kind: str, data: dict[str, Any]) -> None:
        """Tell every viewer, from the event loop's thread, without waiting."""
        notice = Notice(kind=kind, data=data)
        for queue in self._viewers:
            if queue.full():
                queue.get_nowait()
                self.dropped += 1
            queue.put_nowait(notice)

    @contextmanager
    def viewing(self) -> Iterator[asyncio.Queue[Notice]]:
        """Give a queue of at most `BACKLOG` notices for as long as the page is open."""
        queue: asyncio.Queue[Notice] = asyncio.Queue(BACKLOG)
        self._viewers.add(queue)
        try:
            yield queue
        finally:
            self._viewers.discard(queue)


class Happenings:
    """Points at which something happened that the recorder must hear of; one that waits already is not added again."""

    def __init__(self) -> None:
        """Start empty."""
        self._waiting: dict[str, None] = {}
        self._arrived = asyncio.Event()

    def put(self, point_id: str) -> None:
        """Note that something happened at a point."""
        self._waiting[point_id] = None
        self._arrived.set()

    async def next(self) -> str:
        """Return the point that has waited longest, once there is one."""
        while not self._waiting:
            self._arrived.clear()
            await self._arrived.wait()
        point_id = next(iter(self._waiting))
        del self._waiting[point_id]
        return point_id
