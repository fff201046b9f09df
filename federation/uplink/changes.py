"""A count that grows, for parts that wait for each other."""

import asyncio


class Changes:
    """A count that grows, and that others can wait for."""

    def __init__(self) -> None:
        """Start at zero."""
        self.count = 0
        self._waiters: set[asyncio.Event] = set()

    def note(self) -> None:
        """Wake everybody who waits."""
        self.count += 1
        for waiter in self._waiters:
            waiter.set()

    async def beyond(self, count: int, *, within_s: float) -> bool:
        """Wait until the count exceeds `count`; False after `within_s` seconds."""
        if self.count > count:
            return True
        waiter = asyncio.Event()
        self._waiters.add(waiter)
        try:
            async with asyncio.timeout(within_s):
                await waiter.wait()
        except TimeoutError:
            return False
        finally:
            self._waiters.discard(waiter)
        return True
