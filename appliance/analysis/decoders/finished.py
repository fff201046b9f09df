"""Models that say their boxes themselves: finished rows, and the DETR families with their parts in tensors apart."""

from collections.abc import Mapping
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from appliance.analysis.decoders.activation import activated
from appliance.analysis.decoders.boxes import Indices, corners, distinct, table
from appliance.analysis.decoders.outcome import BadOutput, Boxes, Floats
from federation.packages.outputs import RowsOutput, SplitOutput

Tensors = Mapping[str, NDArray[np.generic]]


def decode_rows(tensors: Tensors, declared: RowsOutput, *, size: tuple[int, int], labels: int) -> Boxes:
    """Return the boxes in a tensor (n, fields); rows of a label that is not declared are left out."""
    values = table(tensors[declared.tensor], declared.tensor)
    if values.shape[1] != len(declared.fields):
        raise BadOutput(f"{declared.tensor} has rows of {values.shape[1]}; the fields are {', '.join(declared.fields)}")
    place = {field: index for index, field in enumerate(declared.fields)}
    edges = values[:, [place[field] for field in ("x1", "y1", "x2", "y2")]]
    boxes = corners(edges, "xyxy", normalised=declared.normalised, size=size)
    return _strong(boxes, values[:, place["score"]], values[:, place["cls"]], declared, labels)


def decode_split(tensors: Tensors, declared: SplitOutput, *, size: tuple[int, int], labels: int) -> Boxes:
    """Return the boxes (n, 4) with their scores and labels, or with their logits."""
    boxes = corners(
        table(tensors[declared.boxes], declared.boxes), declared.box, normalised=declared.normalised, size=size
    )
    if declared.logits is not None:
        logits = table(tensors[declared.logits], declared.logits)
        scores = label_scores(logits, declared.activation, declared.background, labels)
        classes, best = scores.argmax(axis=1), scores.max(axis=1)
    else:
        best = np.asarray(tensors[declared.scores or ""], np.float32).ravel()
        classes = np.asarray(tensors[declared.labels or ""], np.float32).ravel()
    if not len(boxes) == len(best) == len(classes):
        raise BadOutput(f"there are {len(boxes)} boxes, {len(best)} scores and {len(classes)} labels")
    return _strong(boxes, best, classes, declared, labels)


def label_scores(
    logits: Floats,
    activation: Literal["none", "sigmoid", "softmax"],
    background: Literal["none", "first", "last"],
    labels: int,
) -> Floats:
    """Return scores (n, labels) without the column of the background; raise BadOutput for another width."""
    if logits.shape[1] != labels + (background != "none"):
        raise BadOutput(f"the logits have {logits.shape[1]} columns for {labels} labels, background {background}")
    scores = activated(logits, activation)
    return scores[:, 1:] if background == "first" else scores[:, :labels]


def _strong(
    boxes: Floats, scores: Floats, classes: Floats | Indices, declared: RowsOutput | SplitOutput, labels: int
) -> Boxes:
    with np.errstate(invalid="ignore"):
        chosen = np.flatnonzero((scores >= declared.conf) & (classes >= 0) & (classes < labels))
    kinds = classes[chosen].astype(np.int64)
    nms = declared.nms if isinstance(declared, SplitOutput) else None
    kept = distinct(boxes[chosen], scores[chosen], kinds, nms)
    return Boxes(xyxy=boxes[chosen][kept], scores=scores[chosen][kept], classes=kinds[kept])
