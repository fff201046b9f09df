"""The interface of what looks at pictures without a model."""

from datetime import datetime
from typing import Protocol

from appliance.analysis.finding import Picture
from appliance.analysis.rules import Seen


class Eye(Protocol):
    """Looks at the pictures of one task in order of time, and remembers what the scene usually is."""

    def look(self, picture: Picture, at: datetime) -> Seen:
        """Return what is seen in a picture taken `at`."""


class PlainEye:
    """Sees nothing by itself: the rule compares the pictures."""

    def look(self, picture: Picture, at: datetime) -> Seen:
        """Return the picture as it is."""
        return Seen(at=at, picture=picture)


class Clock:
    """Says how long it is since the picture before."""

    def __init__(self) -> None:
        """Start before the first picture."""
        self._last_at: datetime | None = None

    def pause_s(self, at: datetime) -> float:
        """Return the seconds since the last call, 0 at the first; never less than 0."""
        before, self._last_at = self._last_at, at
        return 0.0 if before is None else max(0.0, (at - before).total_seconds())


def threshold_of(sensitivity: float) -> float:
    """Return the difference in levels, 60 to 20, that counts at a sensitivity of 0 to 1."""
    return 60.0 - 40.0 * sensitivity
