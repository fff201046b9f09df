"""A prediction for every place of the picture: the YOLO families, with masks or keypoints where they have them."""

from collections.abc import Mapping
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from appliance.analysis.decoders.activation import activated
from appliance.analysis.decoders.boxes import Indices, corners, distinct, table
from appliance.analysis.decoders.outcome import BadOutput, Boxes, Floats
from federation.packages.outputs import DenseOutput, Keypoints


def places_of(tensor: str) -> str:
    """Return the name under which the places of a tensor's rows are given, if only some of its rows are."""
    return f"{tensor} places"


def decode_dense(
    tensors: Mapping[str, NDArray[np.generic]], declared: DenseOutput, *, size: tuple[int, int], labels: int
) -> Boxes:
    """Return the boxes in the tensor (n, channels) of a model that tells `labels` classes apart.

    Where the places of its rows are given, it holds the strongest rows only, each as long as there are channels.
    """
    values, places = table(tensors[declared.tensor], declared.tensor), tensors.get(places_of(declared.tensor))
    values = values.T if declared.channels_first and places is None else values
    protos = None if declared.protos is None else _protos(tensors[declared.protos])
    extras = _extras(declared, protos)
    first = 5 if declared.objectness else 4
    if values.shape[1] != first + labels + extras:
        text = f"{declared.tensor} has {values.shape[1]} channels; declared are {first} + {labels} + {extras}"
        raise BadOutput(text)
    near = _hopeful(values, declared, first, labels)
    classes, scores = _scores(values[near], declared, first, labels)
    strong = scores >= declared.conf
    chosen, classes, scores = near[strong], classes[strong], scores[strong]
    boxes = _boxes(values, chosen, declared, size, None if places is None else np.asarray(places, np.int64).reshape(-1))
    kept = distinct(boxes, scores, classes, declared.nms)
    boxes, rows = boxes[kept], chosen[kept]
    more = values[rows, first + labels :]
    return Boxes(
        xyxy=boxes,
        scores=scores[kept],
        classes=classes[kept],
        masks=None if protos is None else _masks(more, protos, boxes, size),
        keypoints=None if declared.keypoints is None else _keypoints(more, declared.keypoints),
    )


def _extras(declared: DenseOutput, protos: Floats | None) -> int:
    """Return how many channels follow the label scores."""
    if protos is not None:
        return len(protos)
    return 0 if declared.keypoints is None else declared.keypoints.count * (2 + declared.keypoints.scored)


def _hopeful(values: Floats, declared: DenseOutput, first: int, labels: int) -> Indices:
    """Return the rows whose score may reach `conf`, which is few of thousands, by what is cheap to know of all.

    No score is above the objectness, as no label's is above 1; a sigmoid keeps the order of what goes in.
    """
    if declared.objectness:
        return np.flatnonzero(activated(values[:, 4], declared.activation) >= declared.conf)
    best = values[:, first : first + labels].max(axis=1)
    return np.flatnonzero(activated(best, declared.activation) >= declared.conf)


def _scores(values: Floats, declared: DenseOutput, first: int, labels: int) -> tuple[Indices, Floats]:
    labelled = activated(values[:, first : first + labels], declared.activation)
    classes = labelled.argmax(axis=1)
    scores = labelled[np.arange(len(labelled)), classes]
    if declared.objectness:
        scores = scores * activated(values[:, 4], declared.activation)
    return classes, scores


def _boxes(
    values: Floats, chosen: Indices, declared: DenseOutput, size: tuple[int, int], places: Indices | None
) -> Floats:
    boxes = values[chosen, :4].copy()
    if declared.grid is not None:
        cells = cells_of(declared.grid, size)
        if places is None and len(cells) != len(values):
            raise BadOutput(f"a grid of strides {declared.grid} has {len(cells)} places; the model gives {len(values)}")
        near = cells[chosen if places is None else places[chosen]]
        boxes[:, :2] = (boxes[:, :2] + near[:, :2]) * near[:, 2:]
        boxes[:, 2:] = np.exp(np.clip(boxes[:, 2:], -20, 20)) * near[:, 2:]
    return corners(boxes, declared.box, normalised=declared.normalised, size=size)


@lru_cache(maxsize=64)
def cells_of(strides: tuple[int, ...], size: tuple[int, int]) -> Floats:
    """Return (x, y, stride) of every cell of a YOLOX grid, row by row, stride by stride."""
    width, height = size
    grids = []
    for stride in strides:
        x, y = np.meshgrid(np.arange(width // stride), np.arange(height // stride))
        flat = np.stack([x.ravel(), y.ravel(), np.full(x.size, stride)], axis=1)
        grids.append(flat)
    cells = np.concatenate(grids).astype(np.float32)
    cells.flags.writeable = False
    return cells


def _protos(tensor: NDArray[np.generic]) -> Floats:
    values = np.asarray(tensor, np.float32)
    values = values[0] if values.ndim == 4 else values
    if values.ndim != 3:
        raise BadOutput(f"the prototypes have the shape {list(tensor.shape)}; (1, m, height, width) is needed")
    return values


def _masks(weights: Floats, protos: Floats, boxes: Floats, size: tuple[int, int]) -> NDArray[np.bool_]:
    """Return (n, height, width): the weighted prototypes above 0, inside each box only."""
    height, width = protos.shape[1:]
    masks = np.tensordot(weights, protos, axes=1) > 0  # a sigmoid above a half
    scale = np.array([width / size[0], height / size[1]] * 2, np.float32)
    left, top, right, bottom = (column[:, None] for column in (boxes * scale).T)
    columns, rows = np.arange(width) + 0.5, np.arange(height) + 0.5
    across, down = (columns >= left) & (columns < right), (rows >= top) & (rows < bottom)
    inside: NDArray[np.bool_] = masks & down[:, :, None] & across[:, None, :]
    return inside


def _keypoints(values: Floats, declared: Keypoints) -> Floats:
    points = values.reshape(-1, declared.count, 2 + declared.scored)
    if declared.scored:
        return points
    return np.concatenate([points, np.ones_like(points[:, :, :1])], axis=2)
