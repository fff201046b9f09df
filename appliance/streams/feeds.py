"""Who gets which access units: each camera is pulled once, each consumer takes what it wants of it.

    subscription = feeds.subscribe("gate-1", DecodeLevel.DEMUX)
    async for unit in subscription: ...        # or get(), take(); level may change at any time
    subscription.close()

A subscription lives as long as its consumer likes, whether the camera is being pulled or not.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from typing import Protocol

from appliance.local import DecodeLevel
from appliance.streams.access_unit import AccessUnit

QUEUE_LIMIT_UNITS = 256
QUEUE_LIMIT_BYTES = 16 << 20
HELD_LIMIT_BYTES = 16 << 20


class Closed(Exception):
    """The subscription was closed by its consumer."""


class Gate:
    """Which units pass to one consumer. After one that was dropped none passes until a key unit."""

    def __init__(self, level: DecodeLevel) -> None:
        """Start at `level`, waiting for a key unit."""
        self.level = level
        self.dropped = 0
        self.awaits_key = True
        self._is_behind = False

    def turn(self, level: DecodeLevel) -> None:
        """Switch to `level`; a higher one takes effect at the next key unit."""
        if self.level is DecodeLevel.KEYFRAME and level is not DecodeLevel.KEYFRAME:
            self.awaits_key = True  # what followed the last key unit was not kept
        self.level = level

    def wants(self, unit: AccessUnit) -> bool:
        """Tell whether the consumer has a use for `unit` at all."""
        return unit.key or self.level is not DecodeLevel.KEYFRAME

    def admits(self, unit: AccessUnit, *, has_room: bool) -> bool:
        """Tell whether a wanted unit passes now; count it if it is dropped."""
        passes = has_room and (unit.key or not self.awaits_key)
        self._is_behind = not passes and (self._is_behind or not has_room)
        self.dropped += self._is_behind
        self.awaits_key = not passes
        return passes


class Sink(Protocol):
    """A consumer as a feed sees it."""

    @property
    def level(self) -> DecodeLevel:
        """Which units it wants."""

    def take(self, unit: AccessUnit) -> None:
        """Take or drop one unit; called on the event loop for every unit, must not block."""

    def await_key(self) -> None:
        """Take nothing before the next key unit."""


class Feed:
    """The access units of one camera, on their way to its consumers."""

    def __init__(self) -> None:
        """Start without consumers."""
        self.wants_all = False
        self.newest_key: AccessUnit | None = None
        self._held: list[AccessUnit] = []  # the newest key unit and all that followed, while somebody takes them all
        self._held_bytes = 0
        self.wanted = asyncio.Event()  # set while anybody is attached
        self._sinks: list[Sink] = []

    @property
    def is_idle(self) -> bool:
        """Tell whether nobody is attached and nothing is kept."""
        return not self._sinks and self.newest_key is None

    def attach(self, sink: Sink, *, newest: bool) -> None:
        """Send units to `sink` from now on; where `newest` is true, those since the newest key unit at once.

        Of these the key unit alone is there if nobody took all units until now.
        """
        self._sinks.append(sink)
        self.wanted.set()
        self.review()
        if newest and self._held:
            for unit in self._held:
                sink.take(unit)
        elif newest and self.newest_key is not None:
            sink.take(self.newest_key)
            sink.await_key()  # what followed it is gone

    def detach(self, sink: Sink) -> None:
        """Send nothing more to `sink`."""
        if sink in self._sinks:
            self._sinks.remove(sink)
            if not self._sinks:
                self.wanted.clear()
            self.review()

    def review(self) -> None:
        """Find out anew whether anybody needs more than key units; called when a sink's level changes."""
        self.wants_all = any(sink.level is not DecodeLevel.KEYFRAME for sink in self._sinks)
        if not self.wants_all:
            self._held = []

    def forget(self) -> None:
        """Drop what is kept."""
        self.newest_key = None
        self._held = []

    def send(self, unit: AccessUnit) -> None:
        """Give `unit` to everybody."""
        if unit.key:
            self.newest_key = unit
        if self.wants_all:
            self._hold(unit)
        for sink in tuple(self._sinks):
            sink.take(unit)

    def _hold(self, unit: AccessUnit) -> None:
        if unit.key:
            self._held, self._held_bytes = [unit], len(unit.payload)
            return
        self._held_bytes += len(unit.payload)
        if not self._held or unit.sequence != self._held[-1].sequence + 1 or self._held_bytes > HELD_LIMIT_BYTES:
            self._held = []  # a new consumer waits for the next key unit then
            return
        self._held.append(unit)


class Subscription:
    """One consumer's bounded queue of one camera's units."""

    def __init__(self, feed: Feed, level: DecodeLevel, *, limit_units: int, limit_bytes: int) -> None:
        """Set up; `Feeds.subscribe` attaches it."""
        self._feed = feed
        self._gate = Gate(level)
        self._limit_units = limit_units
        self._limit_bytes = limit_bytes
        self._queue: deque[AccessUnit] = deque()
        self._size_bytes = 0
        self._arrived = asyncio.Event()
        self._closed = False

    @property
    def level(self) -> DecodeLevel:
        """Which units come. Raising it takes effect at the next key unit, without a new connection."""
        return self._gate.level

    @level.setter
    def level(self, level: DecodeLevel) -> None:
        self._gate.turn(level)
        self._feed.review()

    @property
    def dropped(self) -> int:
        """Units that were dropped because the queue was full, and those up to the next key unit."""
        return self._gate.dropped

    @property
    def waiting(self) -> int:
        """Units in the queue."""
        return len(self._queue)

    async def get(self) -> AccessUnit:
        """Return the next unit, once there is one; raise Closed after `close`."""
        while not self._queue:
            if self._closed:
                raise Closed
            self._arrived.clear()
            await self._arrived.wait()
        return self._pop()

    def take_all(self) -> list[AccessUnit]:
        """Return all units that wait now, without waiting for more."""
        return [self._pop() for _ in range(len(self._queue))]

    async def __aiter__(self) -> AsyncIterator[AccessUnit]:
        """Yield units until `close`."""
        while True:
            try:
                unit = await self.get()
            except Closed:
                return
            yield unit

    def close(self) -> None:
        """Take no more; whoever waits gets Closed once the queue is empty."""
        self._closed = True
        self._feed.detach(self)
        self._arrived.set()

    def await_key(self) -> None:
        """Queue nothing before the next key unit; the feed calls this."""
        self._gate.awaits_key = True

    def take(self, unit: AccessUnit) -> None:
        """Queue one unit or drop it; the feed calls this."""
        if not self._gate.wants(unit):
            return
        size = self._size_bytes + len(unit.payload)
        has_room = len(self._queue) < self._limit_units and size <= self._limit_bytes
        if self._gate.admits(unit, has_room=has_room):
            self._queue.append(unit)
            self._size_bytes = size
            self._arrived.set()

    def _pop(self) -> AccessUnit:
        unit = self._queue.popleft()
        self._size_bytes -= len(unit.payload)
        return unit


class Feeds:
    """The feeds of all cameras by point id."""

    def __init__(self) -> None:
        """Start without feeds."""
        self._feeds: dict[str, Feed] = {}

    def of(self, point_id: str) -> Feed:
        """Return the feed of a camera, whether it is being pulled or not."""
        return self._feeds.setdefault(point_id, Feed())

    def subscribe(
        self,
        point_id: str,
        level: DecodeLevel,
        *,
        newest: bool = False,
        limit_units: int = QUEUE_LIMIT_UNITS,
        limit_bytes: int = QUEUE_LIMIT_BYTES,
    ) -> Subscription:
        """Return a queue of the camera's units from the next key unit on.

        With `newest` the newest key unit comes first if there is one, and what followed if somebody else took it
        all the while: a live view shows something at once.
        """
        feed = self.of(point_id)
        subscription = Subscription(feed, level, limit_units=limit_units, limit_bytes=limit_bytes)
        feed.attach(subscription, newest=newest)
        return subscription

    def forget(self, point_id: str) -> None:
        """Drop what is kept of a camera that is pulled no more; its subscriptions stay."""
        feed = self._feeds.get(point_id)
        if feed is not None:
            feed.forget()
            if feed.is_idle:
                del self._feeds[point_id]
