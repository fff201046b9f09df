"""SSD: offsets and label scores against boxes that were there before (default boxes, anchors)."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from appliance.analysis.decoders.boxes import corners, distinct, table
from appliance.analysis.decoders.finished import label_scores
from appliance.analysis.decoders.outcome import BadOutput, Boxes, Floats
from federation.packages.outputs import PriorLevel, PriorsOutput


def decode_priors(
    tensors: Mapping[str, NDArray[np.generic]], declared: PriorsOutput, *, size: tuple[int, int], labels: int
) -> Boxes:
    """Return the boxes of offsets (n, 4) and logits (n, k) for n priors."""
    offsets = table(tensors[declared.boxes], declared.boxes)
    logits = table(tensors[declared.logits], declared.logits)
    if declared.priors is not None:
        priors = table(tensors[declared.priors], declared.priors)
    else:
        priors = made_priors(declared.levels or (), size)
    if not len(offsets) == len(logits) == len(priors):
        raise BadOutput(f"there are {len(offsets)} boxes, {len(logits)} logits and {len(priors)} priors")
    scores = label_scores(logits, declared.activation, declared.background, labels)
    classes, best = scores.argmax(axis=1), scores.max(axis=1)
    chosen = np.flatnonzero(best >= declared.conf)
    boxes = corners(_moved(offsets[chosen], priors[chosen], declared.variances), "cxcywh", normalised=True, size=size)
    kept = distinct(boxes, best[chosen], classes[chosen], declared.nms)
    rows = chosen[kept]
    return Boxes(xyxy=boxes[kept], scores=best[rows], classes=classes[rows])


def made_priors(levels: tuple[PriorLevel, ...], size: tuple[int, int]) -> Floats:
    """Return cx, cy, w, h (n, 4) in shares: level by level, row by row, in each cell size by size, ratio by ratio."""
    width, height = size
    found = []
    for level in levels:
        down, across = np.arange(-(-height // level.stride)), np.arange(-(-width // level.stride))
        y, x = np.meshgrid((down + 0.5) * level.stride, (across + 0.5) * level.stride, indexing="ij")
        kinds = [(edge * ratio**0.5, edge / ratio**0.5) for edge in level.sizes for ratio in level.ratios]
        cells = np.repeat(np.stack([x.ravel(), y.ravel()], axis=1), len(kinds), axis=0)
        found.append(np.concatenate([cells, np.tile(kinds, (x.size, 1))], axis=1))
    priors: Floats = (np.concatenate(found) / np.array([width, height] * 2)).astype(np.float32)
    return priors


def _moved(offsets: Floats, priors: Floats, variances: tuple[float, float]) -> Floats:
    centres = priors[:, :2] + offsets[:, :2] * variances[0] * priors[:, 2:]
    sizes = priors[:, 2:] * np.exp(np.clip(offsets[:, 2:] * variances[1], -20, 20))
    return np.concatenate([centres, sizes], axis=1)
