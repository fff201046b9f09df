"""What an algorithm concludes from a picture, and the one interface of all algorithms."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from federation.messages import Detection, Polygon

Picture = NDArray[np.uint8]
"""Height x width x 3, BGR."""

Mask = NDArray[Any]


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
