"""Sees smoke by what it does to the scene: it veils it in grey, and what lies behind still shows through."""

from datetime import datetime
from typing import cast

import cv2
import numpy as np
from numpy.typing import NDArray

from appliance.analysis.background import Background, FloatPicture, blobs, reduced, tidied
from appliance.analysis.finding import Picture
from appliance.analysis.region import ByteMask, box_of
from appliance.analysis.rules import Seen
from appliance.analysis.starters.eye import Clock
from appliance.analysis.starters.likeness import correlation, slope
from federation.messages import Detection

Floats = NDArray[np.float32]

LABEL = "smoke"
MOST_THINGS = 16
DETAIL_PX = 3.0
THROUGH = 0.6
"""Least correlation of the scene's detail with what is seen: veils keep 0.63 and more, what hides the scene 0.58."""

THICKEST, THINNEST = 0.1, 0.85
"""What may be left of the scene's contrast."""

DARKEST = 60.0
"""Least grey of the veil, in levels: shadows veil in black."""

MOST_TINT = 60.0
"""How far apart the three colours may be, in levels."""

STILLEST = 0.02
"""Change between two pictures over the difference from the scene: fog on a window does not move."""


class SmokeEye:
    """Finds veils; `sensitivity` is 0 to 1, `min_area` a share of the picture."""

    def __init__(self, *, sensitivity: float, min_area: float) -> None:
        """Set up; a veil may be faint, so differences count from 10 levels at the highest sensitivity."""
        self._threshold = 30.0 - 20.0 * sensitivity
        self._min_area = min_area
        self._background = Background(patience=120.0)
        self._clock = Clock()
        self._before: FloatPicture | None = None

    def look(self, picture: Picture, at: datetime) -> Seen:
        """Return the veils in a picture, the largest first."""
        pause_s = self._clock.pause_s(at)
        small = reduced(picture)
        found = self._background.foreground(small, threshold=self._threshold, pause_s=pause_s)
        now = small.astype(np.float32)
        before, self._before = self._before, now
        usual = self._background.usual
        if found is None or before is None or usual is None or before.shape != now.shape:
            return Seen(at=at)
        mask = tidied(found)
        height, width = mask.shape
        boxes = sorted(blobs(mask, least_px=self._min_area * width * height), key=lambda box: -box[2] * box[3])
        scored = ((box, veil_score(now, before, usual, part_of(mask, box))) for box in boxes[:MOST_THINGS])
        return Seen(
            at=at,
            detections=tuple(
                Detection(label=LABEL, score=score, box=box_of(*box, shape=(height, width)))
                for box, score in scored
                if score > 0
            ),
        )


def part_of(mask: ByteMask, box: tuple[int, int, int, int]) -> ByteMask:
    """Return what of a mask lies in a box."""
    x, y, w, h = box
    part = np.zeros_like(mask)
    part[y : y + h, x : x + w] = mask[y : y + h, x : x + w]
    return part


def veil_score(now: FloatPicture, before: FloatPicture, usual: FloatPicture, place: ByteMask) -> float:
    """Return how sure it is that a place is veiled by smoke, 0 to 1; 0 where a sign speaks against it.

    A veil of share a and grey g makes (1 - a) * scene + a * g of the scene: what it shows is still there, weaker.
    A person or a car hides it; a shadow weakens it too, but towards black.
    """
    inside = place > 0
    shown, scene = _grey(now), _grey(usual)
    through = correlation(_detail(shown)[inside], _detail(scene)[inside])
    left = slope(scene[inside], shown[inside])
    if through < THROUGH or not THICKEST < left < THINNEST:
        return 0.0
    veil = (float(shown[inside].mean()) - left * float(scene[inside].mean())) / (1.0 - left)
    colours = now[inside]
    tint = float((colours.max(axis=1) - colours.min(axis=1)).mean())
    lively = float(np.abs(now - before)[inside].mean()) / (float(np.abs(now - usual)[inside].mean()) + 1e-3)
    if veil < DARKEST or tint > MOST_TINT or lively < STILLEST:
        return 0.0
    return round(through, 3)


def _grey(picture: FloatPicture) -> Floats:
    return cast("Floats", cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY))


def _detail(grey: Floats) -> Floats:
    return cast("Floats", grey - cv2.GaussianBlur(grey, (0, 0), DETAIL_PX))
