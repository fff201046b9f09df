"""How much of what is there a detector finds, and how much of what it finds is there."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from hil_tests.training.pictures import HEIGHT_PX, WIDTH_PX
from hil_tests.training.targets import cells
from hil_tests.training.truth import LABELS, Boxes

SAME_IOU = 0.5
NMS_IOU = 0.5
WEAKEST = 0.05
_CELLS = cells(WIDTH_PX, HEIGHT_PX)

Floats = NDArray[np.float32]


@dataclass(frozen=True, kw_only=True)
class Figures:
    """Of one label: how many things there were, precision and recall at the threshold, and average precision."""

    things: int
    precision: float | None
    recall: float | None
    average_precision: float | None


@dataclass(frozen=True, kw_only=True)
class _Finding:
    score: float
    true: bool


def found_boxes(raw: Floats) -> Floats:
    """Return rows of x1, y1, x2, y2, label, score from the raw output (cells, channels) of one picture."""
    scores = 1 / (1 + np.exp(-raw[:, 4:]))
    labels = scores.argmax(axis=1)
    best = scores.max(axis=1)
    chosen = np.flatnonzero(best >= WEAKEST)
    grid = _CELLS[chosen]
    sides = np.exp(np.clip(raw[chosen, 2:4], -20, 20)) * grid[:, 2:]
    corner = (raw[chosen, :2] * grid[:, 2:] + grid[:, :2]) - sides / 2
    kept = cv2.dnn.NMSBoxesBatched(
        np.concatenate([corner, sides], axis=1).tolist(),
        best[chosen].tolist(),
        labels[chosen].tolist(),
        WEAKEST,
        NMS_IOU,
    )
    rows = np.concatenate([corner, corner + sides, labels[chosen, None], best[chosen, None]], axis=1)
    return np.asarray(rows[np.asarray(kept, int).ravel()], np.float32)


def figures(raws: Iterable[Floats], truths: Sequence[Boxes], *, threshold: float) -> Mapping[str, Figures]:
    """Return the figures of every label over pictures with their raw outputs and truth.

    A finding is true if it and a thing of its label overlap by `SAME_IOU`; each thing is found once. What falls on
    things that need not be found counts neither way.
    """
    findings: list[list[_Finding]] = [[] for _ in LABELS]
    things = np.zeros(len(LABELS), int)
    for raw, truth in zip(raws, truths, strict=True):
        found = found_boxes(raw)
        for label in range(len(LABELS)):
            own = truth[truth[:, 4] == label]
            things[label] += int((own[:, 5] == 0).sum())
            findings[label] += _matched(found[found[:, 4] == label], own)
    return {name: _figures(findings[label], int(things[label]), threshold) for label, name in enumerate(LABELS)}


def mean_average_precision(found: Mapping[str, Figures]) -> float:
    """Return the mean over the labels of which there are things; 0 without any."""
    known = [item.average_precision for item in found.values() if item.average_precision is not None]
    return sum(known) / len(known) if known else 0.0


def _matched(found: Floats, truth: Boxes) -> list[_Finding]:
    taken = np.zeros(len(truth), bool)
    told = []
    for row in found[np.argsort(-found[:, 5])]:
        overlaps = _overlaps(row[:4], truth) * ~taken
        must = np.where(truth[:, 5] == 0, overlaps, 0)
        if len(truth) and must.max() >= SAME_IOU:
            taken[must.argmax()] = True
            told.append(_Finding(score=float(row[5]), true=True))
        elif not len(truth) or np.where(truth[:, 5] == 1, overlaps, 0).max() < 0.3:
            told.append(_Finding(score=float(row[5]), true=False))
    return told


def _overlaps(box: Floats, truth: Boxes) -> Floats:
    inner = np.minimum(box[2:], truth[:, 2:4]) - np.maximum(box[:2], truth[:, :2])
    both = np.maximum(inner, 0).prod(axis=1)
    union = (box[2:] - box[:2]).prod() + (truth[:, 2:4] - truth[:, :2]).prod(axis=1) - both
    return np.asarray(both / np.maximum(union, 1e-6), np.float32)


def _figures(findings: list[_Finding], things: int, threshold: float) -> Figures:
    sure = [item.true for item in findings if item.score >= threshold]
    return Figures(
        things=things,
        precision=sum(sure) / len(sure) if sure else None,
        recall=sum(sure) / things if things else None,
        average_precision=_average_precision(findings, things) if things else None,
    )


def _average_precision(findings: list[_Finding], things: int) -> float:
    """Return the area below precision over recall, precision made to fall."""
    hits = np.cumsum([item.true for item in sorted(findings, key=lambda item: -item.score)])
    if not len(hits):
        return 0.0
    precision = hits / np.arange(1, len(hits) + 1)
    falling = np.maximum.accumulate(precision[::-1])[::-1]
    return float((falling * np.diff(hits, prepend=0)).sum() / things)
