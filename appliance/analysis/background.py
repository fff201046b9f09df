"""A picture of the scene as it usually is, learnt slowly and not from what stands in front of it."""

from dataclasses import dataclass
from typing import cast

import cv2
import numpy as np
from numpy.typing import NDArray

from appliance.analysis.finding import Picture
from appliance.analysis.region import ByteMask

WORKING_WIDTH_PX = 480
FASTEST_GAIN = (0.7, 1.4)
OUTLINE_PX = 7
AROUND_PX = 21

FloatPicture = NDArray[np.float32]


def reduced(picture: Picture) -> Picture:
    """Return the picture at working size, slightly smoothed against sensor noise."""
    height, width = picture.shape[:2]
    if width > WORKING_WIDTH_PX:
        size = (WORKING_WIDTH_PX, max(2, round(height * WORKING_WIDTH_PX / width)))
        picture = cast("Picture", cv2.resize(picture, size, interpolation=cv2.INTER_AREA))
    return cast("Picture", cv2.GaussianBlur(picture, (5, 5), 0))


def difference(picture: FloatPicture, reference: FloatPicture) -> NDArray[np.float32]:
    """Return the greatest difference over the three colours at every place, 0 to 255.

    The brightness of the whole picture is levelled first, so that a cloud is no intruder.
    """
    gain = float(np.median(reference)) / max(1.0, float(np.median(picture)))
    levelled = picture * np.float32(np.clip(gain, *FASTEST_GAIN))
    return cast("NDArray[np.float32]", np.abs(levelled - reference).max(axis=2))


@dataclass(kw_only=True)
class Background:
    """The usual scene. `learn_s` is how long the scene needs to be learnt anew, in seconds.

    What differs from it is learnt `patience` times more slowly, so that a bag that was put down
    stays visible while a car parked for the day becomes part of the scene in the end.
    """

    learn_s: float = 20.0
    patience: float = 30.0
    usual: FloatPicture | None = None

    def foreground(self, picture: Picture, *, threshold: float, pause_s: float) -> ByteMask | None:
        """Return 255 where the picture differs from the usual scene by more than `threshold`.

        Learns from the picture, `pause_s` seconds after the one before. The first picture, and one
        of another size, is taken for the usual scene and gives None.
        """
        current = picture.astype(np.float32)
        if self.usual is None or self.usual.shape != current.shape:
            self.usual = current
            return None
        mask = (difference(current, self.usual) > threshold).astype(np.uint8) * np.uint8(255)
        rate = 1.0 - float(np.exp(-pause_s / self.learn_s))
        weights = np.where(mask > 0, rate / self.patience, rate).astype(np.float32)[..., None]
        self.usual = (self.usual + (current - self.usual) * weights).astype(np.float32)
        return cast("ByteMask", mask)

    def adopt(self, picture: Picture, place: ByteMask) -> None:
        """Take the picture for the usual scene wherever `place` is not 0."""
        if self.usual is not None:
            self.usual = np.where(place[..., None] > 0, picture.astype(np.float32), self.usual).astype(np.float32)

    def is_ghost(self, picture: Picture, place: ByteMask) -> bool:
        """Tell whether `place` differs because something has gone from it, which was taken for the usual scene.

        A thing has edges along its outline, and another colour than what lies around it. Where it stands, both are in
        the picture; where it has gone, both are in the usual scene alone (Cucchiara et al., "Detecting moving objects,
        ghosts, and shadows in video streams", IEEE PAMI 25(10), 2003). Either alone may mislead, before a barred fence
        or on a road of the thing's own colour, so the product of the two ratios decides.
        """
        if self.usual is None:
            return False
        wide, near = (cv2.dilate(place, _disc(size)) > 0 for size in (AROUND_PX, OUTLINE_PX))
        outline, around = near & (cv2.erode(place, _disc(OUTLINE_PX)) == 0), wide & ~near
        if not outline.any() or not around.any():
            return False
        now, usual = (
            (1.0 + float(_edges(scene)[outline].mean())) * (1.0 + _contrast(scene, place > 0, around))
            for scene in (picture.astype(np.float32), self.usual)
        )
        return usual > now


def _disc(size_px: int) -> ByteMask:
    return cast("ByteMask", cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size_px, size_px)))


def _contrast(scene: FloatPicture, inside: NDArray[np.bool_], around: NDArray[np.bool_]) -> float:
    """Return how far the colours of two places are apart, in levels."""
    return float(np.abs(np.median(scene[inside], axis=0) - np.median(scene[around], axis=0)).max())


def _edges(picture: FloatPicture) -> NDArray[np.float32]:
    """Return the strength of edges at every place."""
    grey = cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY)
    return cast(
        "NDArray[np.float32]", cv2.magnitude(cv2.Sobel(grey, cv2.CV_32F, 1, 0), cv2.Sobel(grey, cv2.CV_32F, 0, 1))
    )


def tidied(mask: ByteMask) -> ByteMask:
    """Return the mask without specks, and with the holes of larger things closed."""
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (3, 3))
    opened = cv2.morphologyEx(mask, cv2.MORPH_OPEN, kernel)
    wide = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (9, 9))
    return cast("ByteMask", cv2.morphologyEx(opened, cv2.MORPH_CLOSE, wide))


def blobs(mask: ByteMask, *, least_px: float) -> list[tuple[int, int, int, int]]:
    """Return x, y, width and height in px of connected areas of at least `least_px` bounding area."""
    count, _, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=8)
    found = [tuple(int(value) for value in stats[index][:4]) for index in range(1, count)]
    return [(x, y, w, h) for x, y, w, h in found if w * h >= least_px]
