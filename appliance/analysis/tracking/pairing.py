"""Which box belongs to which track."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Indices = NDArray[np.intp]


@dataclass(frozen=True, kw_only=True, eq=False)
class Pairs:
    """Rows that belong together, `left[i]` with `right[i]`."""

    left: Indices
    right: Indices


def overlaps(one: Floats, other: Floats) -> Floats:
    """Return intersection over union (n, m) of boxes cx, cy, w, h; 0 where they do not touch."""
    low = np.maximum((one[:, None, :2] - one[:, None, 2:] / 2), other[None, :, :2] - other[None, :, 2:] / 2)
    high = np.minimum((one[:, None, :2] + one[:, None, 2:] / 2), other[None, :, :2] + other[None, :, 2:] / 2)
    sides = np.maximum(high - low, 0.0)
    shared = sides[..., 0] * sides[..., 1]
    areas = one[:, 2] * one[:, 3], other[:, 2] * other[:, 3]
    union = areas[0][:, None] + areas[1][None, :] - shared
    found: Floats = shared / np.maximum(union, 1e-12)
    return found


def grown(boxes: Floats, share: float) -> Floats:
    """Return boxes cx, cy, w, h that reach `share` of their longer side further on every side."""
    scaled: Floats = boxes.copy()
    scaled[:, 2:] += 2 * share * boxes[:, 2:].max(axis=1, keepdims=True)
    return scaled


def paired(likeness: Floats, least: float) -> Pairs:
    """Return pairs of rows and columns, the likest first, each used once, none below `least`."""
    rows, columns = np.nonzero(likeness >= least)
    order = np.argsort(-likeness[rows, columns], kind="stable")
    free_rows, free_columns = set(rows.tolist()), set(columns.tolist())
    left: list[int] = []
    right: list[int] = []
    for row, column in zip(rows[order].tolist(), columns[order].tolist(), strict=True):
        if row in free_rows and column in free_columns:
            free_rows.remove(row)
            free_columns.remove(column)
            left.append(row)
            right.append(column)
    return Pairs(left=np.array(left, np.intp), right=np.array(right, np.intp))
