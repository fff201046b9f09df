"""Disturbances of pictures, as bad cameras and their surroundings make them: for tests of picture diagnosis."""

from collections.abc import Callable, Mapping
from typing import cast

import cv2
import numpy as np
from numpy.typing import NDArray

from hil_tests.rig.footage.writer import Picture

Disturb = Callable[[Picture], Picture]
"""Makes a BGR picture of the same size."""

COVER_BGR = (60, 45, 40)


def black(picture: Picture) -> Picture:
    """Return video black with the noise of an amplifier."""
    noise = np.random.default_rng(1).normal(16, 1.5, picture.shape[:2])
    return cast("Picture", cv2.merge([np.clip(noise, 0, 255).astype(np.uint8)] * 3))


def exposed(gain: float, lift: float = 0.0) -> Disturb:
    """Return what multiplies brightness by `gain` and lifts it by `lift` levels, and clips."""
    return lambda picture: _clipped(picture * np.float32(gain) + lift)


def tinted(blue: float, green: float, red: float) -> Disturb:
    """Return what multiplies the colours."""
    gains = np.array([blue, green, red], np.float32)
    return lambda picture: _clipped(picture * gains)


def blurred(share: float) -> Disturb:
    """Return what puts the lens out of focus: the deviation of the blur is `share` of the picture's width."""
    return lambda picture: cast("Picture", cv2.GaussianBlur(picture, (0, 0), share * picture.shape[1]))


def covered(share: float, *, texture: float = 0.0) -> Disturb:
    """Return what puts something with a soft outline close before the lens, over about `share` of the picture."""

    def disturb(picture: Picture) -> Picture:
        height, width = picture.shape[:2]
        mask = np.zeros((height, width), np.float32)
        axes = (int(width * 0.75 * share**0.5), int(height * 0.75 * share**0.5))
        cv2.ellipse(mask, (int(width * 0.35), int(height * 0.6)), axes, 10, 0, 360, 1.0, cv2.FILLED)
        soft = cv2.GaussianBlur(mask, (0, 0), width / 40)[..., np.newaxis]
        cloth = np.full(picture.shape, COVER_BGR, np.float32)
        if texture:
            grain = np.random.default_rng(2).normal(0, texture, (height, width)).astype(np.float32)
            cloth += 6 * cv2.GaussianBlur(grain, (0, 0), 6)[..., np.newaxis]
        return _clipped(picture * (1 - soft) + cloth * soft)

    return disturb


def turned(*, across: float = 0.0, down: float = 0.0, degrees: float = 0.0, zoom: float = 1.0) -> Disturb:
    """Return what moves the camera: by shares of the picture, by an angle, by a factor."""

    def disturb(picture: Picture) -> Picture:
        height, width = picture.shape[:2]
        matrix = cv2.getRotationMatrix2D((width / 2, height / 2), degrees, zoom)
        matrix[:, 2] += (across * width, down * height)
        return cast("Picture", cv2.warpAffine(picture, matrix, (width, height), borderMode=cv2.BORDER_REFLECT))

    return disturb


DISTURBANCES: Mapping[str, tuple[Disturb, ...]] = {
    "black": (black,),
    "covered": (covered(0.5), covered(0.8), covered(0.8, texture=8.0), covered(4.0)),
    "blurred": (blurred(2.5 / 640), blurred(5 / 640), blurred(10 / 640)),
    "too_dark": (exposed(0.2), exposed(0.16)),
    "too_bright": (exposed(3.0, 40), exposed(1.0, 150)),
    "colour_cast": (tinted(0.6, 0.9, 1.5), tinted(1.7, 0.9, 0.5), tinted(0.8, 1.5, 0.7), tinted(1.4, 0.6, 1.4)),
    "moved": (turned(across=0.15), turned(across=0.15, down=0.1), turned(across=0.3, degrees=5), turned(degrees=15)),
}
"""What a diagnosis has to call by these names, the weakest of each first."""


def _clipped(values: NDArray[np.float32]) -> Picture:
    return np.clip(values, 0, 255).astype(np.uint8)
