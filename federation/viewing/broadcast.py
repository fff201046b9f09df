"""One stream to many viewers: each begins at a key frame, and one that is too slow loses pictures, counted."""

import asyncio
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

from federation.viewing.message import Kind, Message

QUEUE_LIMIT_BYTES = 8 << 20
QUEUE_LIMIT_MESSAGES = 400
HELD_LIMIT_BYTES = 16 << 20


class Viewer:
    """The bounded queue of one viewer."""

    def __init__(self) -> None:
        """Start empty; the first picture will be a key frame."""
        self.dropped = 0
        self._queue: deque[Message] = deque()
        self._size_bytes = 0
        self._awaits_key = True
        self._arrived = asyncio.Event()

    def offer(self, message: Message) -> None:
        """Queue a message; where there is no room, drop all pictures up to the next key frame."""
        if message.kind is Kind.INIT:
            self._put(message)
            return
        if message.kind is Kind.KEY and not self._has_room(len(message.content)):
            self._drop_pictures()
        if (message.kind is Kind.DELTA and self._awaits_key) or not self._has_room(len(message.content)):
            self._awaits_key = True
            self.dropped += 1
            return
        self._awaits_key = False
        self._put(message)

    async def next(self) -> Message:
        """Return the oldest message, once there is one."""
        while not self._queue:
            self._arrived.clear()
            await self._arrived.wait()
        message = self._queue.popleft()
        self._size_bytes -= len(message.content)
        return message

    def _has_room(self, size_bytes: int) -> bool:
        return self._size_bytes + size_bytes <= QUEUE_LIMIT_BYTES and len(self._queue) < QUEUE_LIMIT_MESSAGES

    def _drop_pictures(self) -> None:
        """Drop what waits: a key frame makes it worthless to who is behind."""
        kept = [message for message in self._queue if message.kind is Kind.INIT]
        self.dropped += len(self._queue) - len(kept)
        self._queue = deque(kept)
        self._size_bytes = sum(len(message.content) for message in kept)

    def _put(self, message: Message) -> None:
        self._queue.append(message)
        self._size_bytes += len(message.content)
        self._arrived.set()


class Broadcast:
    """The messages of one camera, on their way to everybody who watches it. Used on one event loop."""

    def __init__(self) -> None:
        """Start without viewers and without pictures."""
        self.dropped = 0
        self._init: Message | None = None
        self._held: list[Message] = []
        self._held_bytes = 0
        self._viewers: set[Viewer] = set()

    @property
    def viewers(self) -> int:
        """How many watch now."""
        return len(self._viewers)

    def send(self, message: Message) -> None:
        """Give a message to everybody, and keep what a new viewer needs: the pictures since the last key frame."""
        if message.kind is Kind.INIT:
            self._init = message
            self._hold_nothing()
        elif message.kind is Kind.KEY:
            self._hold_nothing()
        if message.kind is not Kind.INIT and (self._held or message.kind is Kind.KEY):
            self._hold(message)
        for viewer in self._viewers:
            viewer.offer(message)

    @contextmanager
    def viewing(self) -> Iterator[Viewer]:
        """Give a viewer's queue for as long as the context is open."""
        viewer = Viewer()
        for message in ([self._init] if self._init is not None else []) + self._held:
            viewer.offer(message)
        self._viewers.add(viewer)
        try:
            yield viewer
        finally:
            self._viewers.discard(viewer)
            self.dropped += viewer.dropped

    def forget(self) -> None:
        """Forget what was held: the stream has ended, and another may follow."""
        self._init = None
        self._hold_nothing()

    def _hold(self, message: Message) -> None:
        self._held_bytes += len(message.content)
        if self._held_bytes > HELD_LIMIT_BYTES:
            self._hold_nothing()  # a new viewer waits for the next key frame then
            return
        self._held.append(message)

    def _hold_nothing(self) -> None:
        self._held = []
        self._held_bytes = 0
