"""Rule `change`: the zone differs from a reference picture, which is learnt when the rule begins.

An event of the label `changed` is of any change. Of other labels it is of a change where such a thing is seen, or was
while the reference was learnt: a new heap on the pavement, a bin that is gone.
"""

from dataclasses import dataclass, field, replace
from datetime import datetime

import cv2
import numpy as np

from appliance.analysis.background import FloatPicture, blobs, difference, reduced, tidied
from appliance.analysis.finding import Finding
from appliance.analysis.region import GRID_PX, ByteMask, box_of
from appliance.analysis.rules.areas import covered_share, places_of
from appliance.analysis.rules.choice import MOST_DETECTIONS, Choice
from appliance.analysis.rules.episode import Episode, Pace, followed
from appliance.analysis.rules.seen import Seen
from federation.messages import Detection

LABEL = "changed"
LEAST_BLOB = 0.0005


def _nowhere() -> ByteMask:
    return np.zeros(GRID_PX[::-1], np.uint8)


@dataclass(frozen=True, kw_only=True, eq=False)
class Compared:
    """The reference, the mean of `pictures` pictures since `began_at`, and the episode of the change.

    `places` is where things of the event's labels were meanwhile, on the grid.
    """

    reference: FloatPicture | None = None
    places: ByteMask = field(default_factory=_nowhere)
    pictures: int = 0
    began_at: datetime | None = None
    episode: Episode = field(default_factory=Episode)


@dataclass(frozen=True, kw_only=True)
class ChangeRule:
    """Reports while at least `share` of the zone differs; `sensitivity` is 0 to 1, `learn_s` in seconds."""

    choice: Choice
    pace: Pace
    share: float
    sensitivity: float
    learn_s: float

    def begin(self) -> Compared:
        """Return the state without a reference."""
        return Compared()

    def step(self, state: Compared, seen: Seen) -> tuple[Compared, tuple[Finding, ...]]:
        """Return the state after a picture, and a finding if it is due. Without a picture nothing happens."""
        if seen.picture is None:
            return state, ()
        picture, places = reduced(seen.picture).astype(np.float32), self._places(seen)
        if state.reference is None or state.reference.shape != picture.shape:
            return replace(state, reference=picture, places=places, pictures=1, began_at=seen.at), ()
        if state.began_at is not None and (seen.at - state.began_at).total_seconds() < self.learn_s:
            return replace(_learnt(state, state.reference, picture), places=state.places | places), ()
        return self._compared(state, state.reference, picture, state.places | places, seen.at)

    def _places(self, seen: Seen) -> ByteMask:
        """Return on the grid where a change counts now."""
        if LABEL in self.choice.labels:
            return ~_nowhere()
        return places_of(self.choice, self.choice.of(seen), seen)

    def _compared(
        self, state: Compared, reference: FloatPicture, picture: FloatPicture, places: ByteMask, at: datetime
    ) -> tuple[Compared, tuple[Finding, ...]]:
        threshold = 60.0 - 40.0 * self.sensitivity
        apart = (difference(picture, reference) > threshold).astype(np.uint8) * np.uint8(255)
        height, width = apart.shape
        zone = self.choice.zone.mask(width_px=width, height_px=height)
        counting = np.asarray(cv2.resize(places, (width, height), interpolation=cv2.INTER_NEAREST), np.uint8)
        changed: ByteMask = tidied(apart) & zone & counting
        share = covered_share(changed, zone)
        episode, due = followed(state.episode, at, self.pace, holds=share >= self.share)
        after = replace(state, episode=episode)
        if not due:
            return after, ()
        return after, (
            self.choice.finding(_places(changed), dwell_s=episode.lasted_s(at), score=min(1.0, 0.5 + share)),
        )


def _learnt(state: Compared, reference: FloatPicture, picture: FloatPicture) -> Compared:
    pictures = state.pictures + 1
    mean = reference + (picture - reference) / np.float32(pictures)
    return replace(state, reference=mean.astype(np.float32), pictures=pictures)


def _places(changed: ByteMask) -> tuple[Detection, ...]:
    height, width = changed.shape
    boxes = sorted(blobs(changed, least_px=LEAST_BLOB * width * height), key=lambda box: -box[2] * box[3])
    return tuple(
        Detection(label=LABEL, score=1.0, box=box_of(*box, shape=(height, width))) for box in boxes[:MOST_DETECTIONS]
    )
