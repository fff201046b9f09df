"""From what a model saw to boxes on the picture: whatever its family, rules look at boxes with a label."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from appliance.analysis.decoders import Areas, Boxes, LabelScores, Outcome
from appliance.analysis.preprocessing import Placement
from federation.messages import Box, Detection

Sighting = tuple[NDArray[np.float32], float, int]
"""Corners (4,) x1 y1 x2 y2 in shares of the picture, score, index of the label."""

_WHOLE = np.array([0, 0, 1, 1], np.float32)


def detection(sighting: Sighting, labels: tuple[str, ...]) -> Detection:
    """Return a sighting as rules know it; `labels` names them by their index."""
    corners, score, label = sighting
    x1, y1, x2, y2 = (float(value) for value in corners)
    box = Box(x=x1, y=y1, width=max(0.0, x2 - x1), height=max(0.0, y2 - y1))
    return Detection(label=labels[label], score=max(0.0, min(1.0, round(score, 4))), box=box)


def sightings(
    outcome: Outcome, placement: Placement, size: tuple[int, int], *, min_share: float = 0.0
) -> tuple[Sighting, ...]:
    """Return what was seen, strongest first; `size` is the input's width and height in px.

    A label of the whole picture has the whole picture as its box. An area has the box around all of its places and
    their mean score, if it covers at least `min_share` of the input. Embeddings and texts show nothing by themselves.
    """
    match outcome:
        case Boxes():
            corners = placement.to_shares(outcome.xyxy)
            found = zip(corners, outcome.scores.tolist(), outcome.classes.tolist(), strict=True)
        case LabelScores():
            return tuple((_WHOLE, float(outcome.scores[label]), label) for label in outcome.chosen)
        case Areas():
            return tuple(sorted(_of_areas(outcome, placement, size, min_share), key=lambda item: -item[1]))
        case _:
            return ()
    return tuple(found)


def _of_areas(areas: Areas, placement: Placement, size: tuple[int, int], min_share: float) -> Iterator[Sighting]:
    height, width = areas.labels.shape
    scale = np.array([size[0] / width, size[1] / height] * 2, np.float32)
    for label in np.unique(areas.labels[areas.labels >= 0]).tolist():
        places = areas.labels == label
        if places.mean() < min_share:
            continue
        rows, columns = np.flatnonzero(places.any(axis=1)), np.flatnonzero(places.any(axis=0))
        box = np.array([[columns[0], rows[0], columns[-1] + 1, rows[-1] + 1]], np.float32)
        yield placement.to_shares(box * scale)[0], float(areas.scores[places].mean()), label
