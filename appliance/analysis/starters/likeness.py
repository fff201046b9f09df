"""How like two lists of values are, whatever their brightness."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]


def correlation(one: Floats, other: Floats) -> float:
    """Return the correlation of two lists of values, -1 to 1; 0 where one of them is flat."""
    a, b = one - one.mean(), other - other.mean()
    scale = float(np.sqrt((a * a).sum() * (b * b).sum()))
    return float((a * b).sum()) / scale if scale > 1e-6 else 0.0


def slope(before: Floats, after: Floats) -> float:
    """Return by what factor differences in `before` are found again in `after`, by least squares; 1 without any."""
    a, b = before - before.mean(), after - after.mean()
    spread = float((a * a).sum())
    return float((a * b).sum()) / spread if spread > 1e-6 else 1.0
