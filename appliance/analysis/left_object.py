"""Left object 遗留物 and stopped vehicle 违停: what was not there before stands still too long."""

from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from appliance.analysis.background import Background, blobs, difference, reduced, tidied
from appliance.analysis.finding import Finding, Picture
from appliance.analysis.region import ByteMask, box_of, contains, mask_of
from federation.messages import Detection, Polygon

EVENT_CODE = "left_object/object"
LABEL = "object"
MOTION_THRESHOLD = 18.0
MOST_DETECTIONS = 16
MARGIN_PX = 4  # around the place of something that has gone, its shadow


@dataclass(kw_only=True)
class _Standing:
    """A thing that has been reported and is still there: its box in px, and when it was last seen."""

    box: tuple[int, int, int, int]
    seen_at: datetime


class LeftObject:
    """Judges one region by the age of every place that is foreground and does not move."""

    def __init__(
        self,
        *,
        region: Polygon | None,
        sensitivity: float,
        dwell_s: float,
        min_area: float,
        max_area: float,
        rearm_s: float,
    ) -> None:
        """Set up; `sensitivity` 0 to 1, areas are shares of the picture, times in seconds."""
        self._region = region
        self._threshold = 60.0 - 40.0 * sensitivity
        self._dwell_s = dwell_s
        self._areas = (min_area, max_area)
        self._rearm_s = rearm_s
        self._background = Background(patience=120.0)
        self._mask: ByteMask | None = None
        self._before: Picture | None = None
        self._age_s: NDArray[np.float32] | None = None
        self._last_at: datetime | None = None
        self._standing: list[_Standing] = []

    def observe(self, picture: Picture, at: datetime) -> list[Finding]:
        """Return a finding for every thing that has just stood still for long enough."""
        small = reduced(picture)
        pause_s = 0.0 if self._last_at is None else max(0.0, (at - self._last_at).total_seconds())
        self._last_at = at
        still = self._still(small, pause_s)
        self._before = small
        if still is None or self._age_s is None:
            return []
        # Edges of a thing flicker: a place ages while still, and loses twice that while not.
        aged = np.where(still > 0, self._age_s + pause_s, self._age_s - 2 * pause_s)
        self._age_s = np.clip(aged, 0, 10 * self._dwell_s + 60).astype(np.float32)
        old = (self._age_s >= self._dwell_s).astype(np.uint8) * np.uint8(255)
        boxes = [box for box in self._candidates(old) if not self._is_ghost(box, old, small)]
        return self._report(boxes, at, old.shape)

    def _is_ghost(self, box: tuple[int, int, int, int], old: ByteMask, small: Picture) -> bool:
        """Tell whether something has gone from there, and if so forget that it ever was."""
        if self._age_s is None or any(_touch(item.box, box) for item in self._standing):
            return False
        x, y, w, h = box
        place = np.zeros_like(old)
        place[y : y + h, x : x + w] = old[y : y + h, x : x + w]
        if not self._background.is_ghost(small, place):
            return False
        around = np.zeros_like(old)
        around[max(0, y - MARGIN_PX) : y + h + MARGIN_PX, max(0, x - MARGIN_PX) : x + w + MARGIN_PX] = 255
        self._background.adopt(small, around)
        self._age_s[around > 0] = 0
        return True

    def _still(self, small: Picture, pause_s: float) -> ByteMask | None:
        height, width = small.shape[:2]
        if self._mask is None or self._mask.shape != (height, width):
            self._mask = mask_of(self._region, width_px=width, height_px=height)
            self._age_s = np.zeros((height, width), np.float32)
            self._before = None
            self._standing = []
        found = self._background.foreground(small, threshold=self._threshold, pause_s=pause_s)
        if found is None or self._before is None:
            return None
        moved = difference(small.astype(np.float32), self._before.astype(np.float32))
        still = np.where(moved < MOTION_THRESHOLD, found, np.uint8(0))
        return tidied(np.bitwise_and(still, self._mask).astype(np.uint8))

    def _candidates(self, old: ByteMask) -> list[tuple[int, int, int, int]]:
        height, width = old.shape
        least, most = (share * width * height for share in self._areas)
        boxes = [box for box in blobs(tidied(old), least_px=least) if box[2] * box[3] <= most]
        return [
            (x, y, w, h) for x, y, w, h in boxes if contains(self._region, (x + w / 2) / width, (y + h / 2) / height)
        ]

    def _report(self, boxes: list[tuple[int, int, int, int]], at: datetime, shape: tuple[int, ...]) -> list[Finding]:
        fresh: list[tuple[int, int, int, int]] = []
        for box in boxes:
            known = next((item for item in self._standing if _touch(item.box, box)), None)
            if known is None:
                fresh.append(box)
                self._standing.append(_Standing(box=box, seen_at=at))
            else:
                known.seen_at = at
        self._standing = [item for item in self._standing if (at - item.seen_at).total_seconds() <= self._rearm_s]
        if self._age_s is None:
            return []
        rows, columns = shape[0], shape[1]
        return [
            Finding(
                event_code=EVENT_CODE,
                score=self._score(box),
                detections=(Detection(label=LABEL, score=self._score(box), box=box_of(*box, shape=(rows, columns))),),
                dwell_s=float(self._age_s[box[1] : box[1] + box[3], box[0] : box[0] + box[2]].max()),
            )
            for box in fresh[:MOST_DETECTIONS]
        ]

    def _score(self, box: tuple[int, int, int, int]) -> float:
        x, y, w, h = box
        if self._age_s is None:
            return 0.0
        filled = float((self._age_s[y : y + h, x : x + w] >= self._dwell_s).mean())
        return round(min(1.0, 0.4 + filled * 0.6), 3)


def _touch(one: tuple[int, int, int, int], other: tuple[int, int, int, int]) -> bool:
    x1, y1, w1, h1 = one
    x2, y2, w2, h2 = other
    return x1 < x2 + w2 and x2 < x1 + w1 and y1 < y2 + h2 and y2 < y1 + h1
