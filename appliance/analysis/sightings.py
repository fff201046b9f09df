"""From what a model saw to boxes and areas on the picture: whatever its family, rules look at these, with a label."""

from collections.abc import Iterator
from itertools import zip_longest
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from appliance.analysis.decoders import Areas, Boxes, LabelScores, Outcome
from appliance.analysis.preprocessing import Placement
from appliance.analysis.region import GRID_PX, ByteMask
from federation.messages import Box, Detection

MOST_AREAS = 32
"""Of one picture and head, so many areas are kept, those of the strongest sightings."""

_WHOLE = np.array([0, 0, 1, 1], np.float32)


class Sighting(NamedTuple):
    """Corners (4,) x1 y1 x2 y2 in shares of the picture, score, index of the label, and its places on the grid."""

    corners: NDArray[np.float32]
    score: float
    label: int
    mask: ByteMask | None = None


def detection(sighting: Sighting, labels: tuple[str, ...]) -> Detection:
    """Return a sighting as rules know it; `labels` names them by their index."""
    x1, y1, x2, y2 = (float(value) for value in sighting.corners)
    box = Box(x=x1, y=y1, width=max(0.0, x2 - x1), height=max(0.0, y2 - y1))
    return Detection(label=labels[sighting.label], score=max(0.0, min(1.0, round(sighting.score, 4))), box=box)


def sightings(
    outcome: Outcome, placement: Placement, size: tuple[int, int], *, min_share: float = 0.0
) -> tuple[Sighting, ...]:
    """Return what was seen, strongest first; `size` is the input's width and height in px.

    A label of the whole picture has the whole picture as its box. An area has the box around all of its places and
    their mean score, if it covers at least `min_share` of the input. Embeddings and texts show nothing by themselves.
    """
    match outcome:
        case Boxes():
            return tuple(_of_boxes(outcome, placement, size))
        case LabelScores():
            return tuple(Sighting(_WHOLE, float(outcome.scores[label]), label) for label in outcome.chosen)
        case Areas():
            return tuple(sorted(_of_areas(outcome, placement, size, min_share), key=lambda item: -item.score))
        case _:
            return ()


def _of_boxes(boxes: Boxes, placement: Placement, size: tuple[int, int]) -> Iterator[Sighting]:
    found = zip(placement.to_shares(boxes.xyxy), boxes.scores.tolist(), boxes.classes.tolist(), strict=True)
    masks = () if boxes.masks is None else boxes.masks[:MOST_AREAS]
    for (corners, score, label), mask in zip_longest(found, masks):
        if (corners[2:] > corners[:2]).all():  # what lies beside the picture, or has no area, shows nothing in it
            yield Sighting(corners, score, label, None if mask is None else on_grid(mask, placement, size))


def _of_areas(areas: Areas, placement: Placement, size: tuple[int, int], min_share: float) -> Iterator[Sighting]:
    height, width = areas.labels.shape
    scale = np.array([size[0] / width, size[1] / height] * 2, np.float32)
    for label in np.unique(areas.labels[areas.labels >= 0]).tolist():
        places = areas.labels == label
        if places.mean() < min_share:
            continue
        rows, columns = np.flatnonzero(places.any(axis=1)), np.flatnonzero(places.any(axis=0))
        box = np.array([[columns[0], rows[0], columns[-1] + 1, rows[-1] + 1]], np.float32)
        corners, score = placement.to_shares(box * scale)[0], float(areas.scores[places].mean())
        yield Sighting(corners, score, label, on_grid(places, placement, size))


def on_grid(places: NDArray[np.bool_], placement: Placement, size: tuple[int, int]) -> ByteMask:
    """Return places (height, width) over a model's input of `size` as 255 on the grid of the picture, 0 elsewhere."""
    height, width = places.shape
    across, down = (np.arange(count) + 0.5 for count in GRID_PX)
    x = across / GRID_PX[0] * placement.width_px * placement.scale_x + placement.left
    y = down / GRID_PX[1] * placement.height_px * placement.scale_y + placement.top
    columns = np.clip(x * width / size[0], 0, width - 1).astype(np.int64)
    rows = np.clip(y * height / size[1], 0, height - 1).astype(np.int64)
    return places[np.ix_(rows, columns)].astype(np.uint8) * np.uint8(255)
