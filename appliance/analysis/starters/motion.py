"""Sees whatever differs from the usual scene: who or what it is, it cannot tell."""

from datetime import datetime

from appliance.analysis.background import Background, blobs, reduced, tidied
from appliance.analysis.finding import Area, Picture
from appliance.analysis.region import ByteMask, box_of
from appliance.analysis.rules import Seen
from appliance.analysis.starters.eye import Clock, threshold_of
from federation.messages import Detection

LABEL = "object"
MOST_THINGS = 64
WHOLE_SHARE = 0.8
"""A thing as large as this is a change of light, or of the camera."""


class MotionEye:
    """Tells apart what stands before the usual scene; `min_area` and `max_area` are shares of the picture."""

    def __init__(self, *, sensitivity: float, min_area: float, max_area: float = WHOLE_SHARE) -> None:
        """Set up; `sensitivity` is 0 to 1."""
        self._threshold = threshold_of(sensitivity)
        self._areas = (min_area, max_area)
        self._background = Background()
        self._clock = Clock()

    def look(self, picture: Picture, at: datetime) -> Seen:
        """Return the things that differ, the largest first, and all the places that do."""
        pause_s = self._clock.pause_s(at)
        small = reduced(picture)
        found = self._background.foreground(small, threshold=self._threshold, pause_s=pause_s)
        if found is None:
            return Seen(at=at)
        height, width = found.shape
        mask = tidied(found)
        boxes = blobs(mask, least_px=self._areas[0] * width * height)
        if any(w * h > WHOLE_SHARE * width * height for _, _, w, h in boxes):
            return Seen(at=at)
        fitting = [box for box in boxes if box[2] * box[3] <= self._areas[1] * width * height]
        largest = sorted(fitting, key=lambda box: -box[2] * box[3])[:MOST_THINGS]
        return Seen(
            at=at,
            detections=tuple(_detection(box, found) for box in largest),
            areas=(Area(label=LABEL, score=1.0, mask=mask),),
        )


def _detection(box: tuple[int, int, int, int], found: ByteMask) -> Detection:
    x, y, w, h = box
    height, width = found.shape
    filled = float((found[y : y + h, x : x + w] > 0).mean())
    score = round(min(1.0, 0.4 + filled), 3)
    return Detection(label=LABEL, score=score, box=box_of(*box, shape=(height, width)))
