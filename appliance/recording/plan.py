"""When a camera is recorded: its calendar, and the events that ask for more."""

from collections import deque
from datetime import datetime
from enum import Enum, auto

from appliance.mp4.track import TIMESCALE
from appliance.recording.assembly import Fragment
from federation.messages import RecordingSpec


class Want(Enum):
    """What is wanted of a camera at a moment."""

    NOTHING = auto()
    HOLD = auto()  # the newest seconds, in memory, in case that an event comes
    WRITE = auto()


def wanted(spec: RecordingSpec, at: datetime, *, triggered: bool) -> Want:
    """Return what `spec` wants at `at`; `triggered` tells whether an event asks for recording now."""
    if spec.calendar is not None and spec.calendar.is_open(at):
        return Want.WRITE
    if not spec.on_event:
        return Want.NOTHING
    return Want.WRITE if triggered else Want.HOLD


class Ring:
    """The newest fragments of a camera, at least `before_s` seconds where `limit_bytes` allows it."""

    def __init__(self, *, before_s: int, limit_bytes: int) -> None:
        """Start empty."""
        self._before_ticks = before_s * TIMESCALE
        self._limit_bytes = limit_bytes
        self._held: deque[Fragment] = deque()
        self._size_bytes = 0

    @property
    def size_bytes(self) -> int:
        """What it holds."""
        return self._size_bytes

    def put(self, fragment: Fragment) -> None:
        """Hold a fragment, and let go of those that are not needed any more."""
        if self._held and self._held[-1].stretch != fragment.stretch:
            self.clear()
        if not self._held and not fragment.key:
            return
        self._held.append(fragment)
        self._size_bytes += fragment.size_bytes
        while self._held and (self._size_bytes > self._limit_bytes or self._is_longer_than_needed()):
            self._drop_first()

    def drain(self) -> list[Fragment]:
        """Return what it holds, the oldest first, and start empty."""
        held = list(self._held)
        self.clear()
        return held

    def clear(self) -> None:
        """Forget everything."""
        self._held.clear()
        self._size_bytes = 0

    def _is_longer_than_needed(self) -> bool:
        following = next((item for item in list(self._held)[1:] if item.key), None)
        newest = self._held[-1]
        end = newest.start_ticks + newest.duration_ticks
        return following is not None and end - following.start_ticks >= self._before_ticks

    def _drop_first(self) -> None:
        """Drop the oldest fragment, and what cannot be shown without it."""
        self._size_bytes -= self._held.popleft().size_bytes
        while self._held and not self._held[0].key:
            self._size_bytes -= self._held.popleft().size_bytes
