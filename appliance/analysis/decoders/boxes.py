"""What the decoders of boxes share: corners, units, and one box per thing."""

import numpy as np
from numpy.typing import NDArray

from appliance.analysis.decoders.outcome import BadOutput, Floats
from federation.packages.outputs import BoxForm, Nms

MOST_BOXES = 300
Indices = NDArray[np.int64]


def table(tensor: NDArray[np.generic], what: str) -> Floats:
    """Return a tensor (n, columns) without its batch axis of 1; raise BadOutput for another shape."""
    values = np.asarray(tensor, np.float32)
    if values.ndim == 3 and values.shape[0] == 1:
        values = values[0]
    if values.ndim != 2:
        raise BadOutput(f"{what} has the shape {list(tensor.shape)}; (1, n, columns) or (n, columns) is needed")
    return values


def corners(boxes: Floats, form: BoxForm, *, normalised: bool, size: tuple[int, int]) -> Floats:
    """Return boxes (n, 4) as x1 y1 x2 y2 in px of an input of `size` (width, height)."""
    if form == "cxcywh":
        half = boxes[:, 2:] / 2
        boxes = np.concatenate([boxes[:, :2] - half, boxes[:, :2] + half], axis=1)
    if normalised:
        boxes = boxes * np.array([*size, *size], np.float32)
    return boxes.astype(np.float32)


def distinct(xyxy: Floats, scores: Floats, classes: Indices, nms: Nms | None) -> Indices:
    """Return the indices of at most MOST_BOXES boxes, strongest first, without damaged ones and repeats.

    A box is a repeat when it overlaps a stronger one by more than `nms.iou`.
    """
    sound = np.flatnonzero(np.isfinite(xyxy).all(axis=1) & np.isfinite(scores))
    order = sound[np.argsort(-scores[sound], kind="stable")]
    if nms is None:
        return order[:MOST_BOXES]
    return _suppressed(xyxy, order, nms.iou, classes if nms.per_class else np.zeros_like(classes))


def _suppressed(boxes: Floats, order: Indices, iou: float, kinds: Indices) -> Indices:
    areas = np.maximum(boxes[:, 2:] - boxes[:, :2], 0).prod(axis=1)
    kept: list[int] = []
    while order.size and len(kept) < MOST_BOXES:
        best, rest = order[0], order[1:]
        kept.append(int(best))
        low = np.maximum(boxes[best, :2], boxes[rest, :2])
        high = np.minimum(boxes[best, 2:], boxes[rest, 2:])
        shared = np.maximum(high - low, 0).prod(axis=1)
        overlap = shared / np.maximum(areas[best] + areas[rest] - shared, 1e-9)
        order = rest[(overlap <= iou) | (kinds[rest] != kinds[best])]
    return np.array(kept, np.int64)
