"""Rule `area_share`: how much of the zone the event's labels cover."""

from dataclasses import dataclass

import cv2
import numpy as np

from appliance.analysis.finding import Finding
from appliance.analysis.region import GRID_PX, ByteMask
from appliance.analysis.rules.choice import Choice
from appliance.analysis.rules.episode import Episode, Pace, followed
from appliance.analysis.rules.seen import Seen
from federation.messages import Detection


@dataclass(frozen=True, kw_only=True)
class AreaShareRule:
    """Reports while at least `share` of the zone is covered. Masks count as they are, boxes as rectangles."""

    choice: Choice
    pace: Pace
    share: float

    def begin(self) -> Episode:
        """Return an episode that has not begun."""
        return Episode()

    def step(self, state: Episode, seen: Seen) -> tuple[Episode, tuple[Finding, ...]]:
        """Return the episode after a picture, and a finding if it is due."""
        found = self.choice.of(seen)
        covered = self._covered(found, seen)
        episode, due = followed(state, seen.at, self.pace, holds=covered >= self.share)
        if not due:
            return episode, ()
        score = max((item.score for item in found), default=covered)
        return episode, (self.choice.finding(found, dwell_s=episode.lasted_s(seen.at), score=score),)

    def _covered(self, found: tuple[Detection, ...], seen: Seen) -> float:
        width, height = GRID_PX
        zone = self.choice.zone.mask(width_px=width, height_px=height)
        return covered_share(places_of(self.choice, found, seen), zone)


def places_of(choice: Choice, found: tuple[Detection, ...], seen: Seen) -> ByteMask:
    """Return on the grid where the things are that count: by their areas, and by the boxes of `found` without any."""
    areas = [area for area in seen.areas if area.label in choice.labels]
    known = {area.label for area in areas}
    boxes = rectangles(tuple(item for item in found if item.label not in known))
    return boxes | union([area.mask for area in areas if choice.counts(area)])


def union(masks: list[ByteMask]) -> ByteMask:
    """Return on the grid where any of the masks is."""
    whole = np.zeros(GRID_PX[::-1], np.uint8)
    for mask in masks:
        whole |= np.asarray(cv2.resize(mask, GRID_PX, interpolation=cv2.INTER_AREA) > 127, np.uint8) * np.uint8(255)
    return whole


def rectangles(found: tuple[Detection, ...]) -> ByteMask:
    """Return on the grid where any of the boxes is."""
    width, height = GRID_PX
    whole = np.zeros((height, width), np.uint8)
    for box in (item.box for item in found):
        left, top = round(box.x * width), round(box.y * height)
        right, bottom = round((box.x + box.width) * width), round((box.y + box.height) * height)
        whole[top:bottom, left:right] = 255
    return whole


def covered_share(places: ByteMask, zone: ByteMask) -> float:
    """Return the share of the zone where `places` is, 0 to 1; both of one size."""
    area = int(np.count_nonzero(zone))
    return int(np.count_nonzero(places & zone)) / area if area else 0.0
