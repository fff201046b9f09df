"""Memory for models: what one was promised counts until it is loaded and measured."""

import asyncio
import itertools
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager


class Room:
    """So much memory for all; `taken` says what each model takes that is loaded. Lives on the event loop."""

    def __init__(self, *, memory_bytes: int, taken: Callable[[], Mapping[str, int]]) -> None:
        """Begin with no promises."""
        self._memory_bytes = memory_bytes
        self._taken = taken
        self._promised: dict[str, int] = {}
        self._numbers = itertools.count()
        self._line: set[int] = set()
        self._news = asyncio.Event()

    @contextmanager
    def in_line(self) -> Iterator[int]:
        """Stand in line for memory until the block is left, loaded or refused; gives a number that grows."""
        number = next(self._numbers)
        self._line.add(number)
        try:
            yield number
        finally:
            self._line.remove(number)
            self._tell()

    def is_first(self, number: int) -> bool:
        """Tell whether nobody who came earlier stands in line still."""
        return number == min(self._line)

    def free_bytes(self) -> int:
        """Return what is left; less than nothing where models outgrew what they declare."""
        taken = self._taken()
        names = taken.keys() | self._promised.keys()
        return self._memory_bytes - sum(max(taken.get(name, 0), self._promised.get(name, 0)) for name in names)

    def promise(self, network: str, memory_bytes: int) -> None:
        """Count a model as taking so much from now on, whatever it takes already."""
        self._promised[network] = memory_bytes

    def settle(self, network: str) -> None:
        """Count a model by what it takes from now on: it is loaded, or was given up."""
        del self._promised[network]
        self._tell()

    async def changed(self) -> None:
        """Return once a promise is settled, or somebody has left the line: within what a model may take to load."""
        await self._news.wait()

    def _tell(self) -> None:
        self._news.set()
        self._news = asyncio.Event()
