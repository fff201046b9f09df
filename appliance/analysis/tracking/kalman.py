"""A Kalman filter of constant velocity for many boxes at once.

Centre x, centre y, width and height of a box are filtered apart from each other, each with its own speed: the 8 x 8
covariance of the usual formulation (Bewley et al., SORT, 2016; Zhang et al., ByteTrack, 2022) has zeros everywhere
else when noise does not mix them, so three numbers for each of the four say the same. Time is in seconds, not in
pictures: key frames come when they come.
"""

from dataclasses import dataclass
from typing import cast

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

SEEN_NOISE = 0.05
"""Standard deviation of a seen box over its height: detectors are so exact."""

START_SPEED = 1.0
"""Of a new track, in heights per second: what is not known yet."""

PUSH = 0.6
"""Acceleration that nobody foresees, in heights per second squared: people turn and cars brake."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Motion:
    """Boxes cx, cy, w, h (n, 4), their speeds per second (n, 4), and variances: place, both, speed (n, 4, 3)."""

    place: Floats
    speed: Floats
    variance: Floats

    def chosen(self, index: NDArray[np.intp]) -> "Motion":
        """Return the rows `index`."""
        return Motion(place=self.place[index], speed=self.speed[index], variance=self.variance[index])

    def joined(self, other: "Motion") -> "Motion":
        """Return these rows and those of `other` after them."""
        return Motion(
            place=np.concatenate([self.place, other.place]),
            speed=np.concatenate([self.speed, other.speed]),
            variance=np.concatenate([self.variance, other.variance]),
        )


def begun(boxes: Floats) -> Motion:
    """Return new rows for boxes cx, cy, w, h (n, 4), at rest and of unknown speed."""
    height = _heights(boxes)
    variance = np.zeros((*boxes.shape, 3))
    variance[..., 0] = (2 * SEEN_NOISE * height) ** 2
    variance[..., 2] = (START_SPEED * height) ** 2
    return Motion(place=boxes.astype(np.float64), speed=np.zeros_like(boxes, np.float64), variance=variance)


def predicted(motion: Motion, pause_s: float) -> Motion:
    """Return where the boxes should be `pause_s` seconds later."""
    spread = (PUSH * _heights(motion.place)) ** 2
    place_var, both, speed_var = np.moveaxis(motion.variance, -1, 0)
    variance = np.stack(
        [
            place_var + 2 * pause_s * both + pause_s**2 * speed_var + spread * pause_s**4 / 4,
            both + pause_s * speed_var + spread * pause_s**3 / 2,
            speed_var + spread * pause_s**2,
        ],
        axis=-1,
    )
    place = motion.place + pause_s * motion.speed
    place[:, 2:] = np.maximum(place[:, 2:], motion.place[:, 2:] / 2)  # what shrinks never vanishes
    return Motion(place=place, speed=motion.speed, variance=variance)


def corrected(motion: Motion, boxes: Floats) -> Motion:
    """Return the rows after they have been seen at `boxes`, row by row."""
    place_var, both, speed_var = np.moveaxis(motion.variance, -1, 0)
    total = place_var + (SEEN_NOISE * _heights(boxes)) ** 2
    gain, speed_gain = place_var / total, both / total
    apart = boxes - motion.place
    variance = np.stack(
        [(1 - gain) * place_var, (1 - gain) * both, speed_var - speed_gain * both],
        axis=-1,
    )
    return Motion(
        place=motion.place + gain * apart, speed=motion.speed + speed_gain * apart, variance=np.maximum(variance, 0.0)
    )


def _heights(boxes: Floats) -> Floats:
    return cast("Floats", np.maximum(boxes[:, 3:4], 1e-4))
