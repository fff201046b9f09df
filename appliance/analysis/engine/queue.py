"""What waits for a model, and which of it goes into the next batch. No input or output, no clock of its own.

Of a camera only the newest frame waits, and it keeps the place of the frame that it replaces: whoever sends most gets
no more than the others. A batch is never held back for a camera that has sent nothing.
"""

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Generic, TypeVar

Work = TypeVar("Work")

MORE_URGENT_AFTER_S = 20.0
"""What has waited so long goes before one lane more: the backlog moves on a box that is always busy."""


class Lane(IntEnum):
    """Who waits for a result; the smaller number goes first."""

    PERSON = 0
    STREAM = 1
    BACKLOG = 2


TURN_S = 0.1
"""A worker that takes several pictures along is to be back after so long: others wait for their turn."""


@dataclass(frozen=True, kw_only=True)
class Limits:
    """How a model is fed: pictures in a batch, seconds that a batch may gather and that a frame may wait, places.

    Where pictures are computed one by one, each of the `workers` takes up to `along` at once while many wait: it is
    asked less often, and being asked costs as much as a small model.
    """

    batch: int = 1
    along: int = 1
    workers: int = 1
    window_s: float = 0.0
    stale_s: float = 5.0
    places: int = 256

    @property
    def most(self) -> int:
        """How many pictures are taken at once at most."""
        return max(self.batch, self.along)

    def take(self, lanes: Collection[Lane], each_s: float | None) -> int:
        """Return how many of those that wait are taken now; `each_s` is what one took lately, None if none did.

        More than a batch only for as long as every worker finds as many again, and never while a person waits.
        """
        if each_s is None or Lane.PERSON in lanes:
            return self.batch
        quick = int(TURN_S / each_s) if each_s > 0 else self.along
        return max(self.batch, min(self.along, quick, len(lanes) // (2 * self.workers)))


@dataclass(frozen=True, kw_only=True)
class Waiting(Generic[Work]):
    """One piece of work in line. `since_s` is when its source began to wait, `came_s` when this piece came."""

    source: str
    lane: Lane
    since_s: float
    came_s: float
    work: Work

    def urgency(self, now_s: float) -> tuple[int, float]:
        """Return what the line is sorted by."""
        return self.lane - int((now_s - self.since_s) / MORE_URGENT_AFTER_S), self.since_s


@dataclass(kw_only=True)
class Queue(Generic[Work]):
    """The line of one model. Times are monotonic seconds; `dropped` counts by reason."""

    limits: Limits
    dropped: Counter[str] = field(default_factory=Counter)
    _line: dict[tuple[Lane, str], Waiting[Work]] = field(default_factory=dict)
    _busy: set[tuple[Lane, str]] = field(default_factory=set)

    def __len__(self) -> int:
        """Return how many wait."""
        return len(self._line)

    def put(self, work: Work, *, source: str, lane: Lane, now_s: float) -> Work | None:
        """Add work; return what is dropped for it: the older frame of the source, or the work itself if all is full."""
        before = self._line.get((lane, source))
        if before is None and sum(other is lane for other, _ in self._line) >= self.limits.places:
            self.dropped["full"] += 1
            return work
        since_s = now_s if before is None else before.since_s
        self._line[lane, source] = Waiting(source=source, lane=lane, since_s=since_s, came_s=now_s, work=work)
        if before is None:
            return None
        self.dropped["superseded"] += 1
        return before.work

    def expire(self, now_s: float) -> list[Work]:
        """Take out and return the frames of cameras that are too old to be of use."""
        old = [
            key
            for key, item in self._line.items()
            if item.lane is Lane.STREAM and now_s - item.came_s > self.limits.stale_s
        ]
        self.dropped["stale"] += len(old)
        return [self._line.pop(key).work for key in old]

    def ready_in_s(self, now_s: float) -> float | None:
        """Return after how many seconds there is a batch to take, None while nothing can be taken."""
        able = [item for key, item in self._line.items() if key not in self._busy]
        if not able:
            return None
        if len(able) >= self.limits.batch or any(item.lane is Lane.PERSON for item in able):
            return 0.0
        return max(0.0, min(item.since_s for item in able) + self.limits.window_s - now_s)

    def take(self, now_s: float, each_s: float | None = None) -> list[Waiting[Work]]:
        """Take the next batch, of each source one at most; its sources are busy until they are `free` again.

        `each_s` is what a picture took lately, if that is known.

        While something of a source is at work its next frame waits, so that its results come in order.
        """
        able = [item for key, item in self._line.items() if key not in self._busy]
        most = self.limits.take([item.lane for item in able], each_s)
        batch = sorted(able, key=lambda item: item.urgency(now_s))[:most]
        for item in batch:
            del self._line[item.lane, item.source]
            self._busy.add((item.lane, item.source))
        return batch

    def free(self, batch: list[Waiting[Work]]) -> None:
        """Say that the batch is done."""
        self._busy -= {(item.lane, item.source) for item in batch}

    def clear(self) -> list[Work]:
        """Take out everything."""
        items = [item.work for item in self._line.values()]
        self._line.clear()
        return items

    def oldest_s(self, now_s: float) -> float:
        """Return for how long the first in line has waited, in seconds."""
        return max((now_s - item.since_s for item in self._line.values()), default=0.0)
