"""Which of the things seen count for a rule."""

from dataclasses import dataclass

import numpy as np

from appliance.analysis.finding import Area, Finding
from appliance.analysis.rules.seen import Seen
from appliance.analysis.rules.zone import Zone, foot
from federation.messages import Box, Detection

MOST_DETECTIONS = 64


@dataclass(frozen=True, kw_only=True)
class Choice:
    """The event's labels, the least score, the least height (share of the picture), and the zone."""

    event_code: str
    labels: frozenset[str]
    min_conf: float
    min_size: float
    zone: Zone

    def of(self, seen: Seen) -> tuple[Detection, ...]:
        """Return the detections that count, the strongest first."""
        return self.among(seen, self.labels)

    def among(self, seen: Seen, labels: frozenset[str] | None, *, least: float | None = None) -> tuple[Detection, ...]:
        """Return those of any of `labels` (None: of all) that are large, sure and within the zone."""
        min_conf = self.min_conf if least is None else least
        found = [
            item
            for item in seen.detections
            if (labels is None or item.label in labels)
            and item.score >= min_conf
            and item.box.height >= self.min_size
            and self.zone.holds(*foot(item.box))
        ]
        return tuple(sorted(found, key=lambda item: -item.score))

    def counts(self, area: Area) -> bool:
        """Tell whether an area is sure and high enough; how much of it lies in the zone is for the rule to say."""
        rows = np.flatnonzero((area.mask > 0).any(axis=1))
        height = (rows[-1] + 1 - rows[0]) / len(area.mask) if len(rows) else 0.0
        return area.score >= self.min_conf and height >= self.min_size

    def finding(
        self, detections: tuple[Detection, ...], *, dwell_s: float = 0.0, score: float | None = None
    ) -> Finding:
        """Return the finding that `detections` make; `score` is theirs where none is given."""
        best = max((item.score for item in detections), default=0.0) if score is None else score
        region = self.zone.region_of(detections[0].box) if detections else next(iter(self.zone.regions), None)
        return Finding(
            event_code=self.event_code,
            score=round(min(1.0, max(0.0, best)), 4),
            detections=detections[:MOST_DETECTIONS],
            dwell_s=dwell_s,
            region=region,
        )


def overlap(one: Box, other: Box) -> float:
    """Return intersection over union of two boxes, 0 to 1."""
    shared = shared_area(one, other)
    return shared / (one.width * one.height + other.width * other.height - shared) if shared else 0.0


def shared_area(one: Box, other: Box) -> float:
    """Return the area that two boxes share, as a share of the picture."""
    width = min(one.x + one.width, other.x + other.width) - max(one.x, other.x)
    height = min(one.y + one.height, other.y + other.height) - max(one.y, other.y)
    return max(0.0, width) * max(0.0, height)
