"""What training takes a picture and an output for is what the product takes them for."""

import numpy as np

from appliance.analysis.decoders.dense import decode_dense
from appliance.analysis.preprocessing import placed
from federation.packages import read_manifest, shipped_packages
from federation.packages.outputs import DenseOutput
from hil_tests.training.pictures import HEIGHT_PX, WIDTH_PX, letterboxed
from hil_tests.training.scoring import NMS_IOU, WEAKEST, figures, found_boxes
from hil_tests.training.targets import cells
from hil_tests.training.truth import LABELS

MANIFEST = read_manifest((shipped_packages()["fengsui.street_objects"] / "algorithm.yaml").read_bytes())
CHANNELS = 4 + len(LABELS)


def raw_output(seed: int) -> np.ndarray:
    """Return an output in which some tens of cells are sure of something."""
    random = np.random.default_rng(seed)
    raw = random.normal(0, 1, (len(cells(WIDTH_PX, HEIGHT_PX)), CHANNELS)).astype(np.float32)
    raw[:, 4:] -= 6
    raw[random.choice(len(raw), 40, replace=False), 4 + random.integers(len(LABELS))] += 7
    return raw


def test_a_picture_lies_in_the_input_as_the_product_lays_it() -> None:
    picture = np.random.default_rng(1).integers(0, 256, (540, 960, 3), np.uint8)
    assert MANIFEST.input is not None

    ours, boxes = letterboxed(picture, np.array([[96, 54, 480, 270, 0, 0]], np.float32))
    theirs, placement = placed(picture, MANIFEST.input)

    assert np.array_equal(ours, theirs)
    assert np.allclose(placement.to_shares(boxes[:, :4]), [[0.1, 0.1, 0.5, 0.5]], atol=1e-3)


def test_an_output_means_the_boxes_that_the_product_reads_in_it() -> None:
    declared = DenseOutput.model_validate(
        {"decoder": "dense", "tensor": "t", "grid": [8, 16], "activation": "sigmoid", "conf": WEAKEST}
        | {"nms": {"iou": NMS_IOU}}
    )
    raw = raw_output(3)

    ours = found_boxes(raw)
    theirs = decode_dense({"t": raw[None]}, declared, size=(WIDTH_PX, HEIGHT_PX), labels=len(LABELS))

    order, other = np.argsort(-ours[:, 5]), np.argsort(-theirs.scores)
    assert len(ours) == len(theirs.scores) > 20
    assert np.allclose(ours[order, 5], theirs.scores[other], atol=1e-5)
    assert np.array_equal(ours[order, 4].astype(int), theirs.classes[other])
    assert np.allclose(ours[order, :4], theirs.xyxy[other], atol=1e-2)


def test_the_package_has_the_labels_that_are_drawn() -> None:
    assert MANIFEST.labels == LABELS


def test_a_perfect_output_has_full_precision_and_recall() -> None:
    truth = np.array([[100, 50, 120, 90, 0, 0], [200, 100, 260, 140, 1, 0]], np.float32)

    found = figures([exact_output(truth)], [truth], threshold=0.4)

    assert [(found[name].precision, found[name].recall) for name in ("person", "car")] == [(1.0, 1.0), (1.0, 1.0)]


def test_what_need_not_be_found_counts_neither_way() -> None:
    truth = np.array([[100, 50, 120, 90, 0, 1]], np.float32)

    found = figures([exact_output(truth)], [truth], threshold=0.4)["person"]

    assert (found.things, found.precision, found.recall) == (0, None, None)


def test_a_finding_where_nothing_is_lowers_precision_and_a_miss_lowers_recall() -> None:
    truth = np.array([[100, 50, 120, 90, 0, 0], [300, 50, 320, 90, 0, 0]], np.float32)
    other = np.array([[100, 50, 120, 90, 0, 0], [200, 150, 220, 190, 0, 0]], np.float32)

    found = figures([exact_output(other)], [truth], threshold=0.4)["person"]

    assert (found.precision, found.recall) == (0.5, 0.5)


def exact_output(truth: np.ndarray) -> np.ndarray:
    """Return the output of a model that finds exactly `truth`."""
    grid = cells(WIDTH_PX, HEIGHT_PX)
    raw = np.full((len(grid), CHANNELS), -9.0, np.float32)
    for row in truth:
        middle, sides = (row[:2] + row[2:4]) / 2, row[2:4] - row[:2]
        place = int(np.abs(grid[:, :2] + grid[:, 2:] / 2 - middle).sum(axis=1).argmin())
        stride = grid[place, 2]
        raw[place, :2] = (middle - grid[place, :2]) / stride
        raw[place, 2:4] = np.log(sides / stride)
        raw[place, 4 + int(row[4])] = 9
    return raw
