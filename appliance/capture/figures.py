"""How fast snapshots are taken, counted over the last minutes."""

from collections import deque
from dataclasses import dataclass, field
from typing import NamedTuple

WITHIN_S = 300.0
MOST_NOTES = 30_000
MINUTE_S = 60.0


class Note(NamedTuple):
    """One order that was settled at a moment of the monotonic clock; `took_s` since it was asked."""

    at_s: float
    took_s: float
    taken: bool


@dataclass(frozen=True, kw_only=True)
class Pace:
    """Settled in the last minute, and how long those that succeeded in the last five took; None without any."""

    taken_per_minute: int = 0
    failed_per_minute: int = 0
    p50_s: float | None = None
    p95_s: float | None = None


@dataclass(kw_only=True)
class Figures:
    """Counts what is settled; totals since the start."""

    taken: int = 0
    failed: int = 0
    _notes: deque[Note] = field(default_factory=lambda: deque(maxlen=MOST_NOTES))

    def note(self, now_s: float, took_s: float, *, taken: bool) -> None:
        """Count one order."""
        self.taken += taken
        self.failed += not taken
        self._notes.append(Note(now_s, took_s, taken))

    def pace(self, now_s: float) -> Pace:
        """Return the figures of the last minutes."""
        while self._notes and now_s - self._notes[0].at_s > WITHIN_S:
            self._notes.popleft()
        fresh = [note for note in self._notes if now_s - note.at_s <= MINUTE_S]
        took = sorted(note.took_s for note in self._notes if note.taken)
        taken = sum(note.taken for note in fresh)
        return Pace(
            taken_per_minute=taken,
            failed_per_minute=len(fresh) - taken,
            p50_s=_share(took, 0.5),
            p95_s=_share(took, 0.95),
        )


def _share(ordered: list[float], share: float) -> float | None:
    return round(ordered[min(len(ordered) - 1, int(len(ordered) * share))], 3) if ordered else None
