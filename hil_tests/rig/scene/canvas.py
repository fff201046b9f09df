"""A picture to draw world shapes on: anti-aliased polygons, soft shadows, veils of smoke."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from hil_tests.rig.scene.geometry import Floats, Pinhole

Rgb = tuple[float, float, float]
Pixels = NDArray[np.uint8]
Rect = tuple[int, int, int, int]
"""Left, top, right, bottom in pixels; right and bottom are outside."""

_SHIFT = 4  # sub-pixel bits of OpenCV's polygon corners


@dataclass(frozen=True, kw_only=True)
class Canvas:
    """An RGB picture seen through `view`; shapes are given in world metres or in pixels."""

    pixels: Pixels
    view: Pinhole

    def polygon(self, corners_m: ArrayLike, colour: Rgb) -> None:
        """Fill a polygon of world points (x, y, z)."""
        self.polygon_px(self.view.project(corners_m), colour)

    def polygon_px(self, corners_px: ArrayLike, colour: Rgb) -> None:
        """Fill a polygon of picture points."""
        fixed = np.round(np.asarray(corners_px, np.float32) * (1 << _SHIFT)).astype(np.int32)
        cv2.fillPoly(self.pixels, [fixed], _clipped(colour), cv2.LINE_AA, _SHIFT)

    def disc_px(
        self, centre: tuple[float, float], radii: tuple[float, float], colour: Rgb, tilt_deg: float = 0
    ) -> None:
        """Fill an ellipse; `radii` in pixels."""
        one = 1 << _SHIFT
        middle = (round(centre[0] * one), round(centre[1] * one))
        axes = (max(1, round(radii[0] * one)), max(1, round(radii[1] * one)))
        cv2.ellipse(self.pixels, middle, axes, tilt_deg, 0, 360, _clipped(colour), cv2.FILLED, cv2.LINE_AA, _SHIFT)

    def limb_px(self, start: ArrayLike, end: ArrayLike, widths: tuple[float, float], colour: Rgb) -> None:
        """Fill a rounded, tapering bar from `start` to `end`; `widths` in pixels."""
        a, b = np.asarray(start, np.float32), np.asarray(end, np.float32)
        along = b - a
        length = max(float(np.hypot(*along)), 1e-3)
        side = np.array([-along[1], along[0]], np.float32) / length
        w0, w1 = widths[0] / 2, widths[1] / 2
        self.polygon_px([a + side * w0, b + side * w1, b - side * w1, a - side * w0], colour)
        if min(w0, w1) > 1.2:
            self.disc_px((float(b[0]), float(b[1])), (w1, w1), colour)

    def darken(self, corners_px: ArrayLike, strength: float, *, blur_px: int = 1) -> None:
        """Take `strength` (0 to 1) of the light inside a polygon of picture points, with a soft edge."""
        corners = np.asarray(corners_px, np.float32)
        rect = self.clip(bounds(corners, margin_px=2 + 2 * blur_px))
        if rect is None:
            return
        left, top, right, bottom = rect
        mask = np.zeros((bottom - top, right - left), np.uint8)
        fixed = np.round((corners - (left, top)) * (1 << _SHIFT)).astype(np.int32)
        cv2.fillPoly(mask, [fixed], 255, cv2.LINE_AA, _SHIFT)
        if blur_px:
            mask = np.asarray(cv2.blur(mask, (2 * blur_px + 1, 2 * blur_px + 1)), np.uint8)
        kept = np.asarray(255 - cv2.convertScaleAbs(mask, alpha=strength), np.uint8)
        part = self.pixels[top:bottom, left:right]
        part[:] = cv2.multiply(part, cv2.merge([kept, kept, kept]), scale=1 / 255)

    def veil(self, rect: Rect, alpha: Floats, colour: Rgb) -> None:
        """Lay `colour` over `rect` with the strength `alpha` (0 to 1), stretched to the rectangle."""
        clipped = self.clip(rect)
        if clipped is None:
            return
        width, height = rect[2] - rect[0], rect[3] - rect[1]
        full = cv2.resize(alpha, (width, height), interpolation=cv2.INTER_LINEAR)
        left, top, right, bottom = clipped
        share = full[top - rect[1] : bottom - rect[1], left - rect[0] : right - rect[0], None]
        part = self.pixels[top:bottom, left:right]
        part[:] = (part * (1 - share) + np.asarray(colour, np.float32) * share).astype(np.uint8)

    def clip(self, rect: Rect) -> Rect | None:
        """Return the part of `rect` that lies in the picture, or None."""
        left, top = max(rect[0], 0), max(rect[1], 0)
        right, bottom = min(rect[2], self.view.width_px), min(rect[3], self.view.height_px)
        return (left, top, right, bottom) if left < right and top < bottom else None


def bounds(points_px: ArrayLike, *, margin_px: int = 0) -> Rect:
    """Return the smallest rectangle around picture points, widened by `margin_px`."""
    points = np.asarray(points_px, np.float32).reshape(-1, 2)
    low, high = np.floor(points.min(axis=0)), np.ceil(points.max(axis=0))
    return (
        int(low[0]) - margin_px,
        int(low[1]) - margin_px,
        int(high[0]) + margin_px,
        int(high[1]) + margin_px,
    )


def tone(colour: tuple[float, float, float] | Floats, factor: float) -> Rgb:
    """Return `colour` made lighter or darker by `factor`."""
    return (float(colour[0]) * factor, float(colour[1]) * factor, float(colour[2]) * factor)


def _clipped(colour: Rgb) -> tuple[int, int, int]:
    red, green, blue = (min(255, max(0, round(float(part)))) for part in colour)
    return red, green, blue
