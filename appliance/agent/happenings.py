"""What happened at cameras, for the parts of the agent that wait for it."""

import asyncio


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
