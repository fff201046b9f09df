"""Live updates: what changed, told to every page of portal or panel that is open."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from federation.http.models import Output

BACKLOG = 256


class Notice(Output):
    """Something changed. `kind` is e.g. `event.created`, `camera.changed`, `node.changed`; `data` is its row."""

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
