"""Detectors' outputs with a planted box, through every declared decoder."""

import numpy as np
import pytest

from appliance.analysis.decoders import decode
from federation.packages.manifest import DenseOutput, Nms, RowsOutput

SIZE = (64, 64)
BOX = (16.0, 8.0, 32.0, 40.0)
CENTRE = (24.0, 24.0, 16.0, 32.0)
LABEL = 2


def dense(**changes: object) -> DenseOutput:
    return DenseOutput.model_validate(
        {"decoder": "dense", "tensor": "out", "conf": 0.3, "nms": Nms(iou=0.5), **changes}
    )


def planted(*, objectness: bool, box: tuple[float, ...] = CENTRE, places: int = 84) -> np.ndarray:
    head = [*box, 1.0] if objectness else [*box]
    values = np.zeros((1, places, len(head) + 4), np.float32)
    values[0, 7, : len(head)] = head
    values[0, 7, len(head) + LABEL] = 0.9
    values[0, 8] = values[0, 7] * 0.99  # the same thing, a little weaker
    return values


@pytest.mark.parametrize("objectness", [True, False])
@pytest.mark.parametrize("channels_first", [True, False])
def test_a_planted_box_is_found_once(*, objectness: bool, channels_first: bool) -> None:
    values = planted(objectness=objectness)
    tensor = values.transpose(0, 2, 1) if channels_first else values

    found = decode(tensor, dense(objectness=objectness, channels_first=channels_first), size=SIZE)

    assert found.xyxy.round(1).tolist() == [list(BOX)]
    assert found.classes.tolist() == [LABEL]
    assert found.scores[0] == pytest.approx(0.9)


def test_a_raw_grid_is_unfolded_by_its_strides() -> None:
    raw = np.zeros((1, 84, 9), np.float32)
    cell = 3 * 8 + 3  # third row and column of the stride 8
    raw[0, cell] = [0.0, 0.0, np.log(2.0), np.log(4.0), 1.0, 0, 0, 0.9, 0]

    found = decode(raw, dense(objectness=True, grid=(8, 16, 32)), size=SIZE)

    assert found.xyxy.round(1).tolist() == [[16.0, 8.0, 32.0, 40.0]]


def test_rows_are_taken_as_they_are() -> None:
    rows = np.array([[[*BOX, 0.8, LABEL], [*BOX, 0.1, LABEL]]], np.float32)

    found = decode(rows, RowsOutput(decoder="rows", tensor="out", conf=0.3), size=SIZE)

    assert found.xyxy.tolist() == [list(BOX)]


def test_nothing_strong_enough_gives_nothing() -> None:
    found = decode(planted(objectness=True) * 0.1, dense(objectness=True), size=SIZE)

    assert len(found.scores) == 0
