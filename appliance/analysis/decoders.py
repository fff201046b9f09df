"""From a model's output tensors to boxes, by the decoder that the manifest declares."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from federation.packages.manifest import DenseOutput, Nms, RowsOutput

Floats = NDArray[np.float32]
MOST_BOXES = 300


@dataclass(frozen=True, kw_only=True)
class Boxes:
    """Boxes (n, 4) x1 y1 x2 y2 in px of the input, scores (n,) 0..1, classes (n,)."""

    xyxy: Floats
    scores: Floats
    classes: NDArray[np.int64]


def decode(tensor: NDArray[np.floating], declared: DenseOutput | RowsOutput, *, size: tuple[int, int]) -> Boxes:
    """Return the detections in one picture's output; `size` is the input's width and height."""
    values = np.asarray(tensor, np.float32)
    if values.ndim == 3:
        values = values[0]
    if isinstance(declared, RowsOutput):
        return _rows(values, declared, size)
    return _dense(values, declared, size)


def _rows(values: Floats, declared: RowsOutput, size: tuple[int, int]) -> Boxes:
    kept = values[values[:, 4] >= declared.conf][:MOST_BOXES]
    boxes = kept[:, :4] * _unit(size) if declared.normalised else kept[:, :4]
    return Boxes(xyxy=boxes, scores=kept[:, 4], classes=kept[:, 5].astype(np.int64))


def _dense(values: Floats, declared: DenseOutput, size: tuple[int, int]) -> Boxes:
    if declared.channels_first:
        values = values.T
    first = 5 if declared.objectness else 4
    labelled = values[:, first:]
    head = values[:, 4:first]
    if declared.activation == "sigmoid":
        labelled, head = _sigmoid(labelled), _sigmoid(head)
    classes = labelled.argmax(axis=1)
    scores = labelled[np.arange(len(labelled)), classes]
    if declared.objectness:
        scores = scores * head[:, 0]
    chosen = np.flatnonzero(scores >= declared.conf)
    boxes = _corners(values, chosen, declared, size)
    result = Boxes(xyxy=boxes, scores=scores[chosen], classes=classes[chosen])
    return result if declared.nms is None else _without_repeats(result, declared.nms)


def _corners(values: Floats, chosen: NDArray[np.int64], declared: DenseOutput, size: tuple[int, int]) -> Floats:
    boxes = values[chosen, :4].copy()
    if declared.grid is not None:
        cells = _cells(declared.grid, size)[chosen]
        boxes[:, :2] = (boxes[:, :2] + cells[:, :2]) * cells[:, 2:]
        boxes[:, 2:] = np.exp(np.clip(boxes[:, 2:], -20, 20)) * cells[:, 2:]
    if declared.box == "cxcywh":
        half = boxes[:, 2:] / 2
        boxes = np.concatenate([boxes[:, :2] - half, boxes[:, :2] + half], axis=1)
    if declared.normalised:
        boxes = boxes * _unit(size)
    return boxes.astype(np.float32)


def _cells(strides: tuple[int, ...], size: tuple[int, int]) -> Floats:
    """Return (x, y, stride) of every cell of a YOLOX grid, row by row, stride by stride."""
    width, height = size
    grids = []
    for stride in strides:
        x, y = np.meshgrid(np.arange(width // stride), np.arange(height // stride))
        flat = np.stack([x.ravel(), y.ravel(), np.full(x.size, stride)], axis=1)
        grids.append(flat)
    return np.concatenate(grids).astype(np.float32)


def _without_repeats(boxes: Boxes, nms: Nms) -> Boxes:
    """Return the boxes without those that overlap a stronger one by more than `nms.iou`."""
    order = np.argsort(-boxes.scores, kind="stable")
    # Boxes of different classes are moved apart, so that one pass serves all classes.
    shift = boxes.classes.astype(np.float32)[:, None] * 8192.0 if nms.per_class else 0.0
    moved = boxes.xyxy + shift
    areas = np.maximum(moved[:, 2:] - moved[:, :2], 0).prod(axis=1)
    kept: list[int] = []
    while order.size and len(kept) < MOST_BOXES:
        best, rest = order[0], order[1:]
        kept.append(int(best))
        low = np.maximum(moved[best, :2], moved[rest, :2])
        high = np.minimum(moved[best, 2:], moved[rest, 2:])
        shared = np.maximum(high - low, 0).prod(axis=1)
        overlap = shared / np.maximum(areas[best] + areas[rest] - shared, 1e-9)
        order = rest[overlap <= nms.iou]
    index = np.array(kept, np.int64)
    return Boxes(xyxy=boxes.xyxy[index], scores=boxes.scores[index], classes=boxes.classes[index])


def _sigmoid(values: Floats) -> Floats:
    return (1.0 / (1.0 + np.exp(-np.clip(values, -60, 60)))).astype(np.float32)


def _unit(size: tuple[int, int]) -> Floats:
    return np.array([size[0], size[1]] * 2, np.float32)
