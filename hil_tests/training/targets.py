"""Which cell of the network's grids answers for which thing, and pictures turned and cut anew for every step."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from hil_tests.training.pictures import PAD, Labelled, PictureSet
from hil_tests.training.truth import LABELS, Boxes

STRIDES = (8, 16)
LONGEST_PX = {8: 72.0, 16: 1e6}
SHORTEST_PX = {8: 0.0, 16: 44.0}
"""Longer side of the things that each grid answers for; both answer for those in between."""
_BESIDE = 0.3  # heat from which on a cell learns the box, so that no neighbour of a true finding is far off
_ALMOST = 0.98
_NEAR_CELLS = 0.75  # cells whose middle is so near to that of a thing answer for it
_LEAST_KEPT = 0.45  # of a box that a cut leaves in the picture

Floats = NDArray[np.float32]


@dataclass(frozen=True, kw_only=True)
class Targets:
    """What is to be learnt from a batch.

    `heat` (n, cells, labels) is 1 where a cell answers for a thing and near 1 beside it; `counts` is 0 where nothing is
    to be learnt; `boxes` (n, cells, 4) in px count where `answers` (n, cells) is 1.
    """

    heat: Floats
    counts: Floats
    boxes: Floats
    answers: Floats


def cells(width_px: int, height_px: int) -> Floats:
    """Return (cells, 3) of a picture: the left and upper edge of every cell in px, and its stride."""
    rows = []
    for stride in STRIDES:
        y, x = np.mgrid[0:height_px:stride, 0:width_px:stride]
        rows.append(np.stack([x.ravel(), y.ravel(), np.full(x.size, stride)], axis=1))
    return np.concatenate(rows).astype(np.float32)


CUT_PX = (192, 128)
"""Width and height of the part of a picture that is learnt from at a time."""

_CELLS = cells(*CUT_PX)
_MIDDLES = _CELLS[:, :2] + _CELLS[:, 2:] / 2


def drawn_batch(pictures: PictureSet, count: int, random: Generator) -> tuple[NDArray[np.uint8], Targets]:
    """Return `count` pictures of the set, turned and cut anew, and what is to be learnt from them."""
    chosen = random.choice(len(pictures), count, replace=False)
    labelled = [varied(pictures.pixels[number], pictures.boxes[number], random) for number in chosen]
    parts = [_targets(boxes) for _, boxes in labelled]
    heat, counts, boxes, answers = (np.stack([part[index] for part in parts]) for index in range(4))
    pixels = np.stack([picture for picture, _ in labelled])
    return pixels, Targets(heat=heat, counts=counts, boxes=boxes, answers=answers)


def varied(picture: NDArray[np.uint8], boxes: Boxes, random: Generator) -> Labelled:
    """Return a part of the picture of `CUT_PX`, mirrored or not, nearer or farther, lighter or darker."""
    picture, boxes = _cut(picture, boxes, random)
    if random.random() < 0.5:
        picture = picture[:, ::-1]
        boxes[:, [0, 2]] = CUT_PX[0] - boxes[:, [2, 0]]
    gain, lift = random.uniform(0.85, 1.15, 3), random.uniform(-15, 15)
    table = np.clip(np.arange(256)[:, None] * gain + lift, 0, 255).astype(np.uint8)[None]
    return np.asarray(cv2.LUT(np.ascontiguousarray(picture), table), np.uint8), boxes


def _cut(picture: NDArray[np.uint8], boxes: Boxes, random: Generator) -> Labelled:
    scale = float(np.exp(random.uniform(np.log(0.5), np.log(1.5))))
    middle = random.uniform((0, 0), (picture.shape[1], picture.shape[0]))
    if len(boxes) and random.random() < 0.75:  # somebody is near the middle
        middle = boxes[random.integers(len(boxes)), :4].reshape(2, 2).mean(axis=0) + random.normal(0, 20, 2)
    shift = np.array(CUT_PX) / 2 - middle * scale
    for axis in (0, 1):  # not beyond the edge, where the picture is large enough
        low, high = sorted((CUT_PX[axis] - scale * picture.shape[1 - axis], 0.0))
        shift[axis] = min(max(shift[axis], low), high)
    turn = np.array([[scale, 0, shift[0]], [0, scale, shift[1]]], np.float32)
    moved = cv2.warpAffine(np.ascontiguousarray(picture), turn, CUT_PX, borderValue=(PAD, PAD, PAD))
    return np.asarray(moved, np.uint8), _moved(boxes, scale, shift)


def _moved(boxes: Boxes, scale: float, shift: NDArray[np.float64]) -> Boxes:
    boxes = boxes.copy()
    boxes[:, :4] = boxes[:, :4] * scale + np.tile(shift, 2)
    whole = (boxes[:, 2:4] - boxes[:, :2]).prod(axis=1)
    boxes[:, :4] = boxes[:, :4].clip(0, [*CUT_PX, *CUT_PX])
    sides = boxes[:, 2:4] - boxes[:, :2]
    kept = sides.prod(axis=1) / np.maximum(whole, 1e-3)
    boxes[:, 5] = np.maximum(boxes[:, 5], (kept < _LEAST_KEPT) | (sides[:, 1] < 6))
    return boxes[(sides > 1).all(axis=1)]


def _targets(truth: Boxes) -> tuple[Floats, Floats, Floats, Floats]:
    heat = np.zeros((len(_CELLS), len(LABELS)), np.float32)
    counts = np.ones((len(_CELLS), len(LABELS)), np.float32)
    boxes = np.zeros((len(_CELLS), 4), np.float32)
    answers = np.zeros(len(_CELLS), np.float32)
    areas = (truth[:, 2] - truth[:, 0]) * (truth[:, 3] - truth[:, 1])
    for row in truth[np.argsort(-areas)]:  # of two that want a cell the smaller gets it
        label = int(row[4])
        if row[5]:
            reach = (row[2:4] - row[:2]) / 2 + 4
            counts[(np.abs(_MIDDLES - _middle(row)) <= reach).all(axis=1), label] = 0
            continue
        near = _nearness(row)
        here = (near > 0) & (np.abs(_MIDDLES - _middle(row)) <= _NEAR_CELLS * _CELLS[:, 2:]).all(axis=1)
        heat[:, label] = np.maximum(heat[:, label], np.minimum(near, _ALMOST))
        heat[here] = np.minimum(heat[here], _ALMOST)
        heat[here, label] = 1
        learns = here | (near > _BESIDE)
        boxes[learns], answers[learns] = row[:4], 1
    return heat, counts, boxes, answers


def _middle(row: Floats) -> Floats:
    return np.asarray((row[:2] + row[2:4]) / 2, np.float32)


def _nearness(row: Floats) -> Floats:
    """Return for every cell 1 in the middle of the thing, less beside it, and 0 on a grid that is not for its size."""
    side = row[2:4] - row[:2]
    spread = np.maximum(side / 5, _CELLS[:, 2:] / 2)
    near = np.exp(-0.5 * (((_MIDDLES - _middle(row)) / spread) ** 2).sum(axis=1))
    longer = float(side.max())
    fits = [SHORTEST_PX[stride] <= longer < LONGEST_PX[stride] for stride in STRIDES]
    return np.asarray(near * np.repeat(fits, [int((_CELLS[:, 2] == stride).sum()) for stride in STRIDES]), np.float32)
