"""What a model saw in one picture, whatever its family."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]


class BadOutput(ValueError):
    """The model's tensors are not what its manifest declares; the text says how they differ."""


@dataclass(frozen=True, kw_only=True)
class Boxes:
    """Boxes (n, 4) x1 y1 x2 y2 in px of the input, scores (n,) 0..1, classes (n,) with the index of the label.

    Instance masks (n, height, width) lie over the whole input in a coarser grid; keypoints (n, count, 3) are x, y in px
    of the input, and a score.
    """

    xyxy: Floats
    scores: Floats
    classes: NDArray[np.int64]
    masks: NDArray[np.bool_] | None = None
    keypoints: Floats | None = None


@dataclass(frozen=True, kw_only=True)
class LabelScores:
    """Scores (k,) 0..1 of all labels for the whole picture, and the indices of those that hold, strongest first."""

    scores: Floats
    chosen: tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class Areas:
    """Label index of every place (height, width), -1 where there is none, and its score; over the whole input."""

    labels: NDArray[np.int64]
    scores: Floats


@dataclass(frozen=True, kw_only=True)
class Embedding:
    """A vector (d,) of length 1."""

    vector: Floats


@dataclass(frozen=True, kw_only=True)
class Reading:
    """A line of text and the mean score of its characters, 0..1."""

    text: str
    score: float


Outcome = Boxes | LabelScores | Areas | Embedding | Reading
