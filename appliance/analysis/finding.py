"""What an algorithm concludes from a picture, and the one interface of all algorithms."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from appliance.analysis.region import ByteMask
from federation.messages import Detection, Polygon

Picture = NDArray[np.uint8]
"""Height x width x 3, BGR."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Area:
    """Where something of a label is, as a mask over the whole picture: 255 where it is, of any size."""

    label: str
    score: float
    mask: ByteMask


@dataclass(frozen=True, kw_only=True, eq=False)
class Found:
    """What a model found in a picture, strongest first, and the areas of what it sees by more than boxes."""

    detections: tuple[Detection, ...] = ()
    areas: tuple[Area, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Finding:
    """An event in the making: its code, how sure, what was seen, for how long, in seconds, and in which region."""

    event_code: str
    score: float
    detections: tuple[Detection, ...]
    dwell_s: float = 0.0
    region: Polygon | None = None


class Judge(Protocol):
    """One task's algorithm with its memory. Time comes with the picture, so that replay is exact."""

    def observe(self, picture: Picture, at: datetime) -> list[Finding]:
        """Return what is to be reported of this picture; calls come in order of time."""
