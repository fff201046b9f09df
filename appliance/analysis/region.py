"""Regions of a picture as masks."""

import cv2
import numpy as np
from numpy.typing import NDArray

from federation.messages import Box, Polygon

ByteMask = NDArray[np.uint8]

GRID_PX = (160, 90)
"""Boxes and areas are laid on a grid of this width and height: a share is exact to a thousandth or so."""


def mask_of(region: Polygon | None, *, width_px: int, height_px: int) -> ByteMask:
    """Return a mask of 255 inside the polygon and 0 outside; without a region all is inside."""
    if region is None:
        return np.full((height_px, width_px), 255, np.uint8)
    mask = np.zeros((height_px, width_px), np.uint8)
    corners = np.array([[x * width_px, y * height_px] for x, y in region])
    cv2.fillPoly(mask, [np.rint(corners).astype(np.int32)], 255)
    return mask


def box_of(x: int, y: int, width: int, height: int, *, shape: tuple[int, int]) -> Box:
    """Return a rectangle in px of a picture of `shape` (height, width) as shares of it."""
    rows, columns = shape
    return Box(x=x / columns, y=y / rows, width=width / columns, height=height / rows)


def contains(region: Polygon | None, x: float, y: float) -> bool:
    """Tell whether the place (x, y), in shares of the picture, lies inside the region."""
    if region is None:
        return True
    corners = np.array(region, np.float32).reshape(-1, 1, 2)
    return bool(cv2.pointPolygonTest(corners, (float(x), float(y)), measureDist=False) >= 0)
