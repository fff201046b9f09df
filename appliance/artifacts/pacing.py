"""A limit at work: bytes wait until it lets them pass."""

import asyncio
import time
from collections.abc import Callable
from datetime import UTC, datetime

from federation.artifacts.pace import Bucket

LOOK_EVERY_S = 5.0
SMALLEST_PIECE_BYTES = 16 * 2**10

Limit = Callable[[datetime], int | None]
"""What may pass at a moment, in kbit/s; None is no limit, 0 lets nothing pass. Its first call may read disk."""


def no_limit(_at: datetime) -> int | None:
    """Let everything pass."""
    return None


class Pacing:
    """Lets bytes pass as `limit` says now; everything that is fetched from the hub shares one."""

    def __init__(self, limit: Limit = no_limit) -> None:
        """Ask `limit` again for each piece."""
        self._limit = limit
        self._bucket: Bucket | None = None

    async def rate_bytes(self) -> float | None:
        """Return how many bytes may pass in a second now; None for no limit, 0 for none at all."""
        limit_kbps = await asyncio.to_thread(self._limit, datetime.now(UTC))
        return None if limit_kbps is None else limit_kbps * 1000 / 8

    async def piece_bytes(self, whole_bytes: int) -> int:
        """Return how many bytes to ask for at once: about a second's worth, so that a limit is no burst."""
        rate = await self.rate_bytes()
        return whole_bytes if rate is None else min(whole_bytes, max(SMALLEST_PIECE_BYTES, int(rate)))

    async def take(self, size_bytes: int) -> None:
        """Return once `size_bytes` may pass."""
        while True:
            rate = await self.rate_bytes()
            if rate is None:
                self._bucket = None
                return
            if rate > 0:
                break
            await asyncio.sleep(LOOK_EVERY_S)
        if self._bucket is None or self._bucket.rate_bytes != rate:
            self._bucket = Bucket(rate_bytes=rate, at_s=time.monotonic())
        self._bucket = self._bucket.taken(size_bytes, time.monotonic())
        await asyncio.sleep(self._bucket.pause_s)
