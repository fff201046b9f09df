"""Area intrusion 区域入侵: something enters a region and stays longer than allowed. Needs no model."""

from datetime import datetime

from appliance.analysis.background import Background, blobs, reduced, tidied
from appliance.analysis.finding import Finding, Picture
from appliance.analysis.region import ByteMask, box_of, contains, mask_of
from federation.messages import Detection, Polygon

EVENT_CODE = "area_intrusion/object"
LABEL = "object"
LONGEST_HOLE_S = 2.5  # a target may hide behind a pole for so long
MOST_DETECTIONS = 16


class AreaIntrusion:
    """Judges one region. One event per presence; armed again once the region has been free."""

    def __init__(
        self,
        *,
        region: Polygon | None,
        sensitivity: float,
        min_area: float,
        dwell_s: float,
        rearm_s: float,
    ) -> None:
        """Set up; `sensitivity` 0 to 1, `min_area` is a share of the picture, times in seconds."""
        self._region = region
        self._threshold = 60.0 - 40.0 * sensitivity
        self._min_area = min_area
        self._dwell_s = dwell_s
        self._rearm_s = rearm_s
        self._background = Background()
        self._mask: ByteMask | None = None
        self._last_at: datetime | None = None
        self._since: datetime | None = None
        self._seen_at: datetime | None = None
        self._reported = False

    def observe(self, picture: Picture, at: datetime) -> list[Finding]:
        """Return one finding when something has just been inside for long enough."""
        pause_s = 0.0 if self._last_at is None else (at - self._last_at).total_seconds()
        self._last_at = at
        inside = self._inside(reduced(picture), max(0.0, pause_s))
        if not inside:
            self._forget(at)
            return []
        if self._since is None:
            self._since = at
        self._seen_at = at
        dwell_s = (at - self._since).total_seconds()
        if self._reported or dwell_s < self._dwell_s:
            return []
        self._reported = True
        score = max(detection.score for detection in inside)
        return [Finding(event_code=EVENT_CODE, score=score, detections=inside, dwell_s=dwell_s)]

    def _forget(self, at: datetime) -> None:
        if self._seen_at is None:
            return
        free_s = (at - self._seen_at).total_seconds()
        if not self._reported and free_s > LONGEST_HOLE_S:
            self._since = self._seen_at = None
        if self._reported and free_s >= self._rearm_s:
            self._since = self._seen_at = None
            self._reported = False

    def _inside(self, picture: Picture, pause_s: float) -> tuple[Detection, ...]:
        height, width = picture.shape[:2]
        if self._mask is None or self._mask.shape != (height, width):
            self._mask = mask_of(self._region, width_px=width, height_px=height)
        found = self._background.foreground(picture, threshold=self._threshold, pause_s=pause_s)
        if found is None:
            return ()
        boxes = blobs(tidied(found), least_px=self._min_area * width * height)
        if any(w * h > 0.8 * width * height for _, _, w, h in boxes):
            return ()  # the whole picture changed: light or camera, not an intruder
        standing = [box for box in boxes if self._stands_inside(box, width, height)]
        largest = sorted(standing, key=lambda box: -box[2] * box[3])[:MOST_DETECTIONS]
        return tuple(self._detection(box, found, (height, width)) for box in largest)

    def _stands_inside(self, box: tuple[int, int, int, int], width: int, height: int) -> bool:
        x, y, w, h = box
        return contains(self._region, (x + w / 2) / width, (y + h) / height) or contains(
            self._region, (x + w / 2) / width, (y + h / 2) / height
        )

    def _detection(self, box: tuple[int, int, int, int], found: ByteMask, shape: tuple[int, int]) -> Detection:
        x, y, w, h = box
        filled = float((found[y : y + h, x : x + w] > 0).mean())
        return Detection(label=LABEL, score=round(min(1.0, 0.4 + filled), 3), box=box_of(*box, shape=shape))
