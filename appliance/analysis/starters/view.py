"""Sees that a camera is covered, blurred, moved or black: what the picture-quality diagnosis says, as detections."""

from datetime import datetime

from appliance.analysis.finding import Picture
from appliance.analysis.rules import Seen
from appliance.quality import Watch
from federation.messages import Box, Detection

LOOK_EVERY_S = 10.0
"""The diagnosis is made for pictures so far apart; a fault is told when three of them show it."""

WHOLE = Box(x=0.0, y=0.0, width=1.0, height=1.0)


class ViewEye:
    """Holds a picture every ten seconds against what its camera normally shows, which takes two minutes to learn."""

    def __init__(self) -> None:
        """Start without a reference."""
        self._watch = Watch()
        self._looked_at: datetime | None = None

    def look(self, picture: Picture, at: datetime) -> Seen:
        """Return every fault that has lasted for some pictures, by its name."""
        if self._looked_at is None or (at - self._looked_at).total_seconds() >= LOOK_EVERY_S:
            self._looked_at = at
            self._watch.look(picture, at)
        report = self._watch.report
        faults = report.faults if report is not None else ()
        return Seen(at=at, detections=tuple(Detection(label=fault.value, score=1.0, box=WHOLE) for fault in faults))
