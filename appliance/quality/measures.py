"""What is measured on one picture, at one width, so that a threshold fits cameras of all sizes."""

from dataclasses import dataclass
from typing import Any, cast

import cv2
import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.uint8]
"""Height x width x 3, BGR."""

Floats = NDArray[np.float32]

WIDTH_PX, HEIGHT_PX = 640, 360
GRAIN_WIDTH_PX, GRAIN_HEIGHT_PX = 320, 180
BLOCKS = (16, 9)
"""Columns and rows of the grid on which structure and brightness are compared."""

OUTLINE_PX = (80, 45)
"""Width and height of the picture of edges by which a scene is known again."""

CLIPPED = 250
SMOOTHING_PX = 1.2
FAINTEST_EDGE = 12.0
"""Of the Sobel operator: less is what noise makes, and says nothing of sharpness."""

STRONG_SHARE = 0.05
STRONGEST_EDGE = 120.0
"""Edges count up to this for the outline: else a few lamps and windows would be the whole of it."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Measures:
    """Figures of one picture; brightness is luma from 0 to 255.

    `sharpness` is the curvature of the strongest edges over their slope: 0.045 to 0.07 where edges are narrow, whatever
    their contrast; None where no edge stands out of the noise. `tint` is the mean colour, a and b of CIELAB, and
    `variety` how far the colours lie from it on average. `edges` and `layout` are means of slope and luma by block,
    9 x 16; `outline` is 45 x 80; `grain` are 180 x 320 samples of luma as the camera sent them, noise and all.
    """

    mean: float
    deviation: float
    darkest: float
    brightest: float
    clipped_share: float
    sharpness: float | None
    tint: tuple[float, float]
    variety: float
    edges: Floats
    layout: Floats
    outline: Floats
    grain: NDArray[np.uint8]

    @property
    def chroma(self) -> float:
        """How far the mean colour is from grey."""
        return float(np.hypot(*self.tint))


def measure(picture: Picture) -> Measures:
    """Measure one picture of any size."""
    small = _small(picture)
    luma = cast("NDArray[np.uint8]", cv2.cvtColor(small, cv2.COLOR_BGR2GRAY))
    smooth = cv2.GaussianBlur(
        luma.astype(np.float32), (0, 0), SMOOTHING_PX
    )  # in whole levels steps would count as edges
    slope = cast("Floats", cv2.magnitude(cv2.Sobel(smooth, cv2.CV_32F, 1, 0), cv2.Sobel(smooth, cv2.CV_32F, 0, 1)))
    tint, variety = _colours(small)
    spread = np.cumsum(np.bincount(luma.ravel(), minlength=256)) / luma.size
    mean, deviation = cv2.meanStdDev(luma)
    return Measures(
        mean=float(mean[0, 0]),
        deviation=float(deviation[0, 0]),
        darkest=float(np.searchsorted(spread, 0.01)),
        brightest=float(np.searchsorted(spread, 0.99)),
        clipped_share=float(1 - spread[CLIPPED - 1]),
        sharpness=_sharpness(smooth, slope),
        tint=tint,
        variety=variety,
        edges=_shrunk(slope, BLOCKS),
        layout=_shrunk(luma.astype(np.float32), BLOCKS),
        outline=cast("Floats", cv2.GaussianBlur(_shrunk(np.minimum(slope, STRONGEST_EDGE), OUTLINE_PX), (0, 0), 0.8)),
        grain=_grain(picture),
    )


def likeness(one: Floats, other: Floats) -> float:
    """Return the correlation of two grids of one shape, -1 to 1; 0 where one of them is flat."""
    a, b = one - one.mean(), other - other.mean()
    scale = float(np.sqrt((a * a).sum() * (b * b).sum()))
    return float((a * b).sum()) / scale if scale > 1e-6 else 0.0


def change(one: Measures, other: Measures) -> float:
    """Return how far samples of luma differ, in levels, less the tenth of the blocks that differs most: clocks."""
    apart = cast("Floats", cv2.absdiff(one.grain, other.grain)).astype(np.float32)
    return float(np.percentile(_shrunk(apart, BLOCKS), 90))


def _small(picture: Picture) -> Picture:
    if picture.shape[1] <= WIDTH_PX:  # to enlarge it would blur it
        return picture
    return cast("Picture", cv2.resize(picture, (WIDTH_PX, HEIGHT_PX), interpolation=cv2.INTER_AREA))


def _sharpness(smooth: Any, slope: Floats) -> float | None:
    sampled = float(np.percentile(slope[::2, ::2], 100 * (1 - STRONG_SHARE)))
    strong = slope >= max(sampled, FAINTEST_EDGE)
    if strong.mean() < STRONG_SHARE / 10:
        return None
    curvature = np.abs(cv2.Laplacian(smooth, cv2.CV_32F))
    return float(curvature[strong].mean() / slope[strong].mean())


def _colours(picture: Picture) -> tuple[tuple[float, float], float]:
    small = cv2.resize(picture, OUTLINE_PX, interpolation=cv2.INTER_AREA).astype(np.float32) / 255
    a, b = cv2.split(cv2.cvtColor(small, cv2.COLOR_BGR2LAB))[1:]
    tint = (float(a.mean()), float(b.mean()))
    return tint, float(np.hypot(np.abs(a - tint[0]).mean(), np.abs(b - tint[1]).mean()))


def _grain(picture: Picture) -> NDArray[np.uint8]:
    """Return single samples: means of several would hide the noise by which a live picture is known."""
    size = (GRAIN_WIDTH_PX, GRAIN_HEIGHT_PX)
    return cast(
        "NDArray[np.uint8]",
        cv2.cvtColor(cv2.resize(picture, size, interpolation=cv2.INTER_NEAREST), cv2.COLOR_BGR2GRAY),
    )


def _shrunk(values: Any, size: tuple[int, int]) -> Floats:
    return cast("Floats", cv2.resize(values, size, interpolation=cv2.INTER_AREA))
