"""Sees what was not there before and stands still: left and piled things, stopped vehicles."""

from dataclasses import dataclass
from datetime import datetime

import cv2
import numpy as np
from numpy.typing import NDArray

from appliance.analysis.background import Background, blobs, difference, reduced, tidied
from appliance.analysis.finding import Picture
from appliance.analysis.region import ByteMask, box_of
from appliance.analysis.rules import Seen, Zone
from appliance.analysis.starters.eye import Clock, threshold_of
from federation.messages import Detection

LABEL = "object"
MOTION_THRESHOLD = 18.0
MOST_THINGS = 16
MARGIN_PX = 4  # around the place of something that has gone, its shadow
REMEMBERED_S = 5.0

Rect = tuple[int, int, int, int]


@dataclass(kw_only=True)
class _Known:
    """A thing that was seen standing: its box in px, and when it was last seen."""

    box: Rect
    seen_at: datetime


class StandingEye:
    """Knows the age of every place of its zone that is foreground and does not move."""

    def __init__(self, *, zone: Zone, sensitivity: float, dwell_s: float, min_area: float, max_area: float) -> None:
        """Set up; `sensitivity` 0 to 1, areas are shares of the picture; what stands for `dwell_s` is a thing."""
        self._zone = zone
        self._threshold = threshold_of(sensitivity)
        self._dwell_s = dwell_s
        self._areas = (min_area, max_area)
        self._background = Background(patience=120.0)
        self._clock = Clock()
        self._mask: ByteMask | None = None
        self._everywhere: ByteMask = np.zeros((0, 0), np.uint8)
        self._before: Picture | None = None
        self._age_s: NDArray[np.float32] = np.zeros((0, 0), np.float32)
        self._known: list[_Known] = []

    def look(self, picture: Picture, at: datetime) -> Seen:
        """Return what has stood still for long enough, with its age."""
        small = reduced(picture)
        pause_s = self._clock.pause_s(at)
        still = self._still(small, pause_s)
        self._before = small
        if still is None:
            return Seen(at=at)
        # Edges of a thing flicker: a place ages while still, and loses twice that while not.
        aged = np.where(still > 0, self._age_s + pause_s, self._age_s - 2 * pause_s)
        self._age_s = np.clip(aged, 0, 10 * self._dwell_s + 60).astype(np.float32)
        old = (self._age_s >= self._dwell_s).astype(np.uint8) * np.uint8(255)
        boxes = [box for box in self._candidates(old) if not self._is_ghost(box, old, small)][:MOST_THINGS]
        self._remember(boxes, at)
        return Seen(
            at=at,
            detections=tuple(self._detection(box) for box in boxes),
            ages_s=tuple(float(self._part(box).max()) for box in boxes),
        )

    def _is_ghost(self, box: Rect, old: ByteMask, small: Picture) -> bool:
        """Tell whether something has gone from there, and if so forget that it ever was."""
        if any(_touch(item.box, box) for item in self._known):
            return False
        place = self._whole(box, old)
        if not self._background.is_ghost(small, place):
            return False
        around = rectangle_around(place, margin_px=MARGIN_PX)
        self._background.adopt(small, around)
        self._age_s[around > 0] = 0
        return True

    def _whole(self, box: Rect, old: ByteMask) -> ByteMask:
        """Return all of a thing, of which only what lies in the zone is judged: a car's roof is beyond its bay."""
        x, y, w, h = box
        place = np.zeros_like(old)
        place[y : y + h, x : x + w] = old[y : y + h, x : x + w]
        _, parts = cv2.connectedComponents(self._everywhere, connectivity=8)
        beyond = np.isin(parts, np.unique(parts[(place > 0) & (parts > 0)]))
        too_large = np.count_nonzero(beyond) > self._areas[1] * old.size
        return place if too_large else np.where(beyond, np.uint8(255), place)

    def _still(self, small: Picture, pause_s: float) -> ByteMask | None:
        height, width = small.shape[:2]
        if self._mask is None or self._mask.shape != (height, width):
            self._mask = self._zone.mask(width_px=width, height_px=height)
            self._age_s = np.zeros((height, width), np.float32)
            self._before = None
            self._known = []
        found = self._background.foreground(small, threshold=self._threshold, pause_s=pause_s)
        if found is None or self._before is None:
            return None
        moved = difference(small.astype(np.float32), self._before.astype(np.float32))
        still = np.where(moved < MOTION_THRESHOLD, found, np.uint8(0))
        self._everywhere = tidied(still)
        return tidied(still & self._mask)

    def _candidates(self, old: ByteMask) -> list[Rect]:
        height, width = old.shape
        least, most = (share * width * height for share in self._areas)
        boxes = blobs(tidied(old), least_px=least)
        return sorted((box for box in boxes if box[2] * box[3] <= most), key=lambda box: -box[2] * box[3])

    def _remember(self, boxes: list[Rect], at: datetime) -> None:
        fresh = [_Known(box=box, seen_at=at) for box in boxes]
        apart = [item for item in self._known if not any(_touch(item.box, box) for box in boxes)]
        recent = [item for item in apart if (at - item.seen_at).total_seconds() <= REMEMBERED_S]
        self._known = recent + fresh

    def _part(self, box: Rect) -> NDArray[np.float32]:
        x, y, w, h = box
        return self._age_s[y : y + h, x : x + w]

    def _detection(self, box: Rect) -> Detection:
        height, width = self._age_s.shape
        filled = float((self._part(box) >= self._dwell_s).mean())
        score = round(min(1.0, 0.4 + filled * 0.6), 3)
        return Detection(label=LABEL, score=score, box=box_of(*box, shape=(height, width)))


def rectangle_around(place: ByteMask, *, margin_px: int) -> ByteMask:
    """Return the rectangle that holds a place, and a margin."""
    x, y, w, h = cv2.boundingRect(place)
    around = np.zeros_like(place)
    around[max(0, y - margin_px) : y + h + margin_px, max(0, x - margin_px) : x + w + margin_px] = 255
    return around


def _touch(one: Rect, other: Rect) -> bool:
    x1, y1, w1, h1 = one
    x2, y2, w2, h2 = other
    return x1 < x2 + w2 and x2 < x1 + w1 and y1 < y2 + h2 and y2 < y1 + h1
