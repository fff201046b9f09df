"""Sees whether water has risen above a drawn line: what was above it then looks like what is below."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import cast

import cv2
import numpy as np
from numpy.typing import NDArray

from appliance.analysis.background import reduced
from appliance.analysis.finding import Picture
from appliance.analysis.region import ByteMask
from appliance.analysis.rules import Seen
from appliance.analysis.starters.eye import Clock
from appliance.analysis.starters.likeness import correlation
from federation.messages import Box, Detection, Line

Floats = NDArray[np.float32]

LABEL = "water"
PARTS = 8
"""The line is cut into so many parts, each judged by itself: a bird or a post is not the water."""

BAND_SHARE = 0.05
"""Height of the bands above and below the line, as a share of the picture's."""

GAP_SHARE = 0.01
LEAST_CONTRAST = 6.0
"""In levels: where bank and water look so alike, a part says nothing."""

LEARN_S = 60.0
DETAIL = 4
"""The column of the detail in `looks_of`."""

STILL_DRAWN = 0.5
"""Correlation of the bank's detail with what it was: joints, moss and gauge marks are seen in a shadow too."""

GRAIN_WEIGHT = 2.0
LIGHT_WEIGHT = 0.35
"""Brightness counts less than colour and roughness: a shadow falls on the bank, and is no water."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Part:
    """One part of the bank: what it looks like when dry, and the detail on it, once that is known."""

    above: ByteMask
    below: ByteMask
    dry: Floats | None = None
    drawing: Floats | None = None


class WaterEye:
    """Watches one line; `least_share` of its parts must be under water."""

    def __init__(self, *, line: Line | None, least_share: float) -> None:
        """Set up; without a line nothing is ever seen."""
        self._line = line
        self._least_share = least_share
        self._parts: tuple[Part, ...] = ()
        self._shape = (0, 0)
        self._clock = Clock()

    def look(self, picture: Picture, at: datetime) -> Seen:
        """Return the water above the line, with the share of the line as its score; nothing while it is below."""
        pause_s = self._clock.pause_s(at)
        small = reduced(picture)
        height, width = small.shape[:2]
        if self._line is None:
            return Seen(at=at)
        if (height, width) != self._shape:
            self._shape = (height, width)
            self._parts = tuple(parts_of(self._line, height_px=height, width_px=width))
        looks = looks_of(small)
        told = [flooded(part, looks) for part in self._parts]
        self._parts = tuple(
            learnt(part, looks, pause_s) if not wet else part for part, wet in zip(self._parts, told, strict=True)
        )
        sure = [wet for wet in told if wet is not None]
        share = sum(sure) / len(sure) if sure else 0.0
        if len(sure) < PARTS / 2 or share < self._least_share:
            return Seen(at=at)
        return Seen(at=at, detections=(Detection(label=LABEL, score=round(share, 3), box=box_around(self._line)),))


def parts_of(line: Line, *, height_px: int, width_px: int) -> Iterator[Part]:
    """Yield the parts of a line that have a place above and one below in the picture."""
    points = np.array(line.points, np.float64) * (width_px, height_px)
    lengths = np.hypot(*np.diff(points, axis=0).T)
    along = np.concatenate([[0.0], np.cumsum(lengths)])
    ends = np.linspace(0.0, along[-1], PARTS + 1)
    xs, ys = np.interp(ends, along, points[:, 0]), np.interp(ends, along, points[:, 1])
    gap, band = GAP_SHARE * height_px, BAND_SHARE * height_px
    for index in range(PARTS):
        x, y = xs[index : index + 2], ys[index : index + 2]
        above = _stripe(x, y - gap, y - gap - band, (height_px, width_px))
        below = _stripe(x, y + gap, y + gap + band, (height_px, width_px))
        if above.any() and below.any():
            yield Part(above=above, below=below)


def looks_of(picture: Picture) -> Floats:
    """Return CIELAB with less weight on brightness, roughness, and detail at every place: height x width x 5."""
    lab = cv2.cvtColor(picture, cv2.COLOR_BGR2LAB).astype(np.float32)
    light = lab[..., 0]
    detail = light - cv2.GaussianBlur(light, (0, 0), 2.0)
    return cast("Floats", np.dstack([LIGHT_WEIGHT * light, lab[..., 1:], GRAIN_WEIGHT * np.abs(detail), detail]))


def flooded(part: Part, looks: Floats) -> bool | None:
    """Tell whether a part is under water; None while that cannot be said."""
    if part.dry is None:
        return None
    above, water = _mean(looks, part.above), _mean(looks, part.below)
    if _apart(part.dry, water) < LEAST_CONTRAST:
        return None
    if part.drawing is not None and correlation(looks[part.above > 0][:, DETAIL], part.drawing) > STILL_DRAWN:
        return False
    return _apart(above, water) < 0.5 * _apart(above, part.dry)


def learnt(part: Part, looks: Floats, pause_s: float) -> Part:
    """Return a part that knows better what it looks like when it is dry."""
    now, drawn = _mean(looks, part.above), looks[part.above > 0][:, DETAIL]
    if part.dry is None or part.drawing is None:
        return replace(part, dry=now, drawing=drawn)
    rate = np.float32(1.0 - np.exp(-pause_s / LEARN_S))
    return replace(part, dry=part.dry + rate * (now - part.dry), drawing=part.drawing + rate * (drawn - part.drawing))


def box_around(line: Line) -> Box:
    """Return the box of the line with the band above it."""
    xs, ys = zip(*line.points, strict=True)
    top = max(0.0, min(ys) - BAND_SHARE)
    return Box(x=min(xs), y=top, width=max(xs) - min(xs), height=max(ys) - top)


def _stripe(
    x: NDArray[np.float64], edge: NDArray[np.float64], far: NDArray[np.float64], shape: tuple[int, int]
) -> ByteMask:
    mask = np.zeros(shape, np.uint8)
    corners = np.array([(x[0], edge[0]), (x[1], edge[1]), (x[1], far[1]), (x[0], far[0])])
    cv2.fillPoly(mask, [np.rint(corners).astype(np.int32)], 255)
    return mask


def _mean(looks: Floats, place: ByteMask) -> Floats:
    return cast("Floats", looks[place > 0][:, :DETAIL].mean(axis=0))


def _apart(one: Floats, other: Floats) -> float:
    return float(np.linalg.norm(one - other))
