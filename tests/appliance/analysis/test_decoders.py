"""Detectors' outputs with a planted thing, in the layout of every family, through the declared decoders."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from pydantic import TypeAdapter, ValidationError

from appliance.analysis.decoders import Areas, BadOutput, Boxes, Embedding, LabelScores, Outcome, Reading, decode
from appliance.analysis.decoders.boxes import MOST_BOXES, distinct
from appliance.analysis.decoders.priors import made_priors
from federation.packages.outputs import ModelOutput, Nms, PriorLevel, tensors_of

SIZE = (64, 64)
BOX = [16.0, 8.0, 32.0, 40.0]
CENTRE = [24.0, 24.0, 16.0, 32.0]
SHARES = [value / 64 for value in CENTRE]
LABELS = ("garbage", "bin", "person", "car")
LABEL = 2
PLACES = 84  # of a grid of strides 8, 16 and 32 over 64 px

Array = NDArray[Any]
_outputs: TypeAdapter[ModelOutput] = TypeAdapter(ModelOutput)


def declare(decoder: str, **fields: object) -> ModelOutput:
    return _outputs.validate_python({"decoder": decoder, **fields})


def run(declared: ModelOutput, labels: tuple[str, ...] = LABELS, /, **tensors: Array) -> Outcome:
    return decode(tensors, declared, size=SIZE, labels=labels)


def boxes(declared: ModelOutput, labels: tuple[str, ...] = LABELS, /, **tensors: Array) -> Boxes:
    found = run(declared, labels, **tensors)
    assert isinstance(found, Boxes)
    return found


def is_planted(found: Boxes, score: float = 0.9, label: int = LABEL) -> bool:
    assert found.xyxy.round(1).tolist() == [BOX]
    assert found.classes.tolist() == [label]
    assert found.scores.tolist() == pytest.approx([score], abs=1e-3)
    return True


def planted(box: list[float], *, objectness: bool, labels: int = 4, extras: tuple[float, ...] = ()) -> Array:
    """Return (1, places, channels) with one thing that two places see, the second a little weaker."""
    head = [*box, 1.0] if objectness else list(box)
    label = min(LABEL, labels - 1)
    values = np.zeros((1, PLACES, len(head) + labels + len(extras)), np.float32)
    values[0, 7] = [*head, *(0.9 if index == label else 0.0 for index in range(labels)), *extras]
    values[0, 8] = values[0, 7]
    values[0, 8, len(head) + label] = 0.8
    return values


def logit(share: float) -> float:
    return float(np.log(share / (1 - share)))


def test_yolov5_and_v7_give_rows_with_objectness() -> None:
    found = boxes(declare("dense", tensor="o", objectness=True), o=planted(CENTRE, objectness=True))

    assert is_planted(found)


def test_yolov8_v9_v11_and_v12_give_channels_first_without_objectness() -> None:
    tensor = planted(CENTRE, objectness=False).transpose(0, 2, 1)

    assert is_planted(boxes(declare("dense", tensor="o", channels_first=True), o=tensor))


def test_decoded_yolox_looks_like_raw_yolox_and_is_read_as_declared() -> None:
    declared = {"tensor": "o", "objectness": True, "nms": {"iou": 0.45}}
    raw = np.zeros((1, PLACES, 9), np.float32)
    raw[0, 3 * 8 + 3] = [0.0, 0.0, np.log(2.0), np.log(4.0), 1.0, 0, 0, 0.9, 0]

    assert is_planted(boxes(declare("dense", **declared), o=planted(CENTRE, objectness=True)))
    assert is_planted(boxes(declare("dense", **declared, grid=[8, 16, 32]), o=raw))


def test_a_half_precision_tensor_without_batch_axis_is_read() -> None:
    tensor = planted(CENTRE, objectness=True)[0].astype(np.float16)

    assert is_planted(boxes(declare("dense", tensor="o", objectness=True), o=tensor))


def test_dense_logits_and_normalised_corners_are_read_as_declared() -> None:
    tensor = np.full((1, PLACES, 8), -20.0, np.float32)
    tensor[0, 5] = [*(value / 64 for value in BOX), -20, -20, logit(0.9), -20]

    found = boxes(declare("dense", tensor="o", box="xyxy", activation="sigmoid", normalised=True), o=tensor)

    assert is_planted(found)


def test_instance_masks_lie_inside_their_box() -> None:
    tensor = planted(CENTRE, objectness=False, extras=(0.0, 4.0)).transpose(0, 2, 1)
    protos = np.full((1, 2, 16, 16), -1.0, np.float32)
    protos[0, 1, :6, :] = 1.0  # the upper part of the whole picture

    found = boxes(declare("dense", tensor="o", channels_first=True, protos="p"), o=tensor, p=protos)

    assert is_planted(found)
    assert found.masks is not None
    rows, columns = np.nonzero(found.masks[0])
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (2, 5, 4, 7)


@pytest.mark.parametrize("scored", [True, False])
def test_keypoints_follow_the_scores_of_a_pose_model(*, scored: bool) -> None:
    points = [[20.0, 12.0, 0.7], [28.0, 36.0, 0.6]]
    extras = tuple(value for point in points for value in point[: 2 + scored])
    tensor = planted(CENTRE, objectness=False, labels=1, extras=extras)

    found = boxes(declare("dense", tensor="o", keypoints={"count": 2, "scored": scored}), ("person",), o=tensor)

    assert is_planted(found, label=0)
    assert found.keypoints is not None
    wanted = points if scored else [[x, y, 1.0] for x, y, _ in points]
    assert found.keypoints[0].tolist() == [pytest.approx(point) for point in wanted]


def test_end_to_end_rows_are_taken_as_they_are() -> None:
    rows = np.array([[[*BOX, 0.9, LABEL], [*BOX, 0.1, LABEL], [*BOX, 0.9, 77]]], np.float32)

    assert is_planted(boxes(declare("rows", tensor="o"), o=rows))


def test_rows_of_another_order_are_read_by_their_fields() -> None:
    rows = np.array([[0, *BOX, LABEL, 0.9]], np.float32)  # YOLOv7 with its NMS inside

    found = boxes(declare("rows", tensor="o", fields=["other", "x1", "y1", "x2", "y2", "cls", "score"]), o=rows)

    assert is_planted(found)


def test_rt_detr_and_d_fine_exports_give_boxes_scores_and_labels() -> None:
    declared = declare("split", boxes="b", scores="s", labels="l")
    xyxy = np.array([[BOX, [0, 0, 1, 1]]], np.float32)

    found = boxes(declared, b=xyxy, s=np.array([[0.9, 0.01]], np.float32), l=np.array([[LABEL, 0]], np.int64))

    assert is_planted(found)


def test_raw_rt_detr_gives_normalised_centres_and_logits() -> None:
    declared = declare("split", boxes="b", logits="l", box="cxcywh", normalised=True, activation="sigmoid")
    logits = np.full((1, 3, 4), -9.0, np.float32)
    logits[0, 1, LABEL] = logit(0.9)

    assert is_planted(boxes(declared, b=np.array([[[0] * 4, SHARES, [0] * 4]], np.float32), l=logits))


def test_detr_has_a_last_column_for_nothing() -> None:
    declared = declare(
        "split", boxes="b", logits="l", box="cxcywh", normalised=True, activation="softmax", background="last"
    )
    logits = np.zeros((1, 2, 5), np.float32)
    logits[0, :, 4] = 20.0  # nothing
    logits[0, 1] = np.log([0.025, 0.025, 0.9, 0.025, 0.025])

    assert is_planted(boxes(declared, b=np.array([[SHARES, SHARES]], np.float32), l=logits))


def test_overlapping_boxes_of_a_split_model_are_joined_where_nms_is_declared() -> None:
    tensors = {"b": np.array([[BOX, BOX]], np.float32), "l": np.array([[[0, 0, 0.9, 0], [0, 0, 0.8, 0]]], np.float32)}

    assert is_planted(boxes(declare("split", boxes="b", logits="l", nms={}), LABELS, **tensors))
    assert len(boxes(declare("split", boxes="b", logits="l"), LABELS, **tensors).scores) == 2


def test_ssd_moves_the_priors_that_it_gives() -> None:
    priors = np.array([[0.25, 0.25, 0.5, 0.5], [0.5, 0.5, 0.25, 0.25]], np.float32)
    shift = (np.array(SHARES[:2]) - priors[1, :2]) / (0.1 * priors[1, 2:])
    growth = np.log(np.array(SHARES[2:]) / priors[1, 2:]) / 0.2
    offsets = np.array([[[0] * 4, [*shift, *growth]]], np.float32)
    scores = np.array([[[1, 0, 0, 0, 0], [0.05, 0, 0, 0.9, 0.05]]], np.float32)

    found = boxes(declare("priors", boxes="b", logits="l", priors="p"), b=offsets, l=scores, p=priors)

    assert is_planted(found)


def test_ssd_makes_the_priors_of_its_levels() -> None:
    levels = [{"stride": 16, "sizes": [32], "ratios": [0.25, 1]}]
    scores = np.zeros((1, 32, 5), np.float32)
    scores[0, 2 * (1 * 4 + 1), LABEL + 1] = 0.9  # row 1, column 1, ratio 1:4, a prior of 16 x 64 px at (24, 24)
    offsets = np.zeros((1, 32, 4), np.float32)
    offsets[0, 10, 3] = np.log(0.5) / 0.2

    found = boxes(declare("priors", boxes="b", logits="l", levels=levels), b=offsets, l=scores)

    assert is_planted(found)


def test_priors_cover_a_grid_that_does_not_divide_the_input() -> None:
    made = made_priors((PriorLevel(stride=32, sizes=(16,)),), (80, 48))

    assert len(made) == 3 * 2
    assert made[0].tolist() == pytest.approx([16 / 80, 16 / 48, 16 / 80, 16 / 48])


def test_a_classifier_gives_its_one_label() -> None:
    tensor = np.array([[0.0, 1.0, 6.0, 0.0]], np.float32)

    found = run(declare("class", tensor="o"), o=tensor)

    assert isinstance(found, LabelScores)
    assert found.chosen == (LABEL,)
    assert found.scores.sum() == pytest.approx(1.0)


def test_a_classifier_that_is_not_sure_gives_none() -> None:
    found = run(declare("class", tensor="o", conf=0.5), o=np.zeros((1, 4), np.float32))

    assert isinstance(found, LabelScores)
    assert found.chosen == ()


def test_attributes_hold_side_by_side_strongest_first() -> None:
    found = run(declare("multilabel", tensor="o"), o=np.array([[1.0, -4.0, 3.0, -1.0]], np.float32))

    assert isinstance(found, LabelScores)
    assert found.chosen == (2, 0)


@pytest.mark.parametrize("kind", ["scores", "labels"])
def test_areas_are_told_by_scores_or_by_finished_labels(kind: str) -> None:
    tensor: Array = np.zeros((1, 4, 8, 8), np.float32)
    tensor[0, 0] = 5.0
    tensor[0, LABEL, 2:, :] = 12.0
    if kind == "labels":
        tensor = tensor.argmax(axis=1)

    found = run(declare("semantic", tensor="o", background=0), o=tensor)

    assert isinstance(found, Areas)
    assert (found.labels[2:] == LABEL).all()
    assert (found.labels[:2] == -1).all()


def test_a_single_score_of_every_place_is_an_area_of_the_only_label() -> None:
    tensor = np.full((1, 1, 8, 8), -3.0, np.float32)
    tensor[0, 0, :, 4:] = 3.0

    found = run(declare("semantic", tensor="o", activation="sigmoid"), ("water",), o=tensor)

    assert isinstance(found, Areas)
    assert found.labels[0].tolist() == [-1] * 4 + [0] * 4


def test_an_embedding_has_length_one() -> None:
    found = run(declare("embedding", tensor="o"), (), o=np.array([[3.0, 4.0]], np.float32))

    assert isinstance(found, Embedding)
    assert found.vector.tolist() == pytest.approx([0.6, 0.8])


@pytest.mark.parametrize("shape", [(1, 6, 4), (6, 1, 4), (6, 4)])
@pytest.mark.parametrize("blank", ["first", "last"])
def test_text_is_read_without_repeats_and_blanks(blank: str, shape: tuple[int, ...]) -> None:
    steps = [1, 1, 0, 1, 2, 3] if blank == "first" else [0, 0, 3, 0, 1, 2]
    tensor = (np.eye(4, dtype=np.float32)[steps] * 0.9).reshape(shape)

    found = run(declare("ctc", tensor="o", blank=blank), ("浙", "A", "8"), o=tensor)

    assert isinstance(found, Reading)
    assert found.text == "浙浙A8"
    assert found.score == pytest.approx(0.9)


def test_text_of_nothing_but_blanks_is_empty() -> None:
    tensor = np.eye(4, dtype=np.float32)[[0, 0, 0]][None]

    assert run(declare("ctc", tensor="o"), ("a", "b", "c"), o=tensor) == Reading(text="", score=0.0)


@pytest.mark.parametrize(
    ("declared", "tensors"),
    [
        (declare("dense", tensor="o"), {"o": np.zeros((1, PLACES, 9))}),
        (declare("dense", tensor="o"), {"o": np.zeros((2, PLACES, 8))}),
        (declare("dense", tensor="o", objectness=True, grid=[8, 16]), {"o": np.zeros((1, PLACES, 9))}),
        (declare("dense", tensor="o", protos="p"), {"o": np.zeros((1, 9, 10)), "p": np.zeros((4, 4))}),
        (declare("rows", tensor="o"), {"o": np.zeros((1, 9, 7))}),
        (declare("split", boxes="b", logits="l"), {"b": np.zeros((1, 9, 4)), "l": np.zeros((1, 8, 4))}),
        (declare("split", boxes="b", logits="l"), {"b": np.zeros((1, 9, 4)), "l": np.zeros((1, 9, 5))}),
        (
            declare("priors", boxes="b", logits="l", priors="p"),
            {"b": np.zeros((9, 4)), "l": np.zeros((9, 5)), "p": np.zeros((8, 4))},
        ),
        (declare("class", tensor="o"), {"o": np.zeros((1, 5))}),
        (declare("multilabel", tensor="o"), {"o": np.zeros((1, 3))}),
        (declare("semantic", tensor="o"), {"o": np.zeros((1, 3, 8, 8))}),
        (declare("semantic", tensor="o"), {"o": np.zeros((1, 1, 8, 8))}),
        (declare("semantic", tensor="o", activation="none"), {"o": np.full((1, 8, 8), 3.0)}),
        (declare("embedding", tensor="o"), {"o": np.zeros((1, 8))}),
        (declare("ctc", tensor="o"), {"o": np.zeros((1, 8, 4))}),
    ],
)
def test_tensors_that_are_not_what_is_declared_are_refused(declared: ModelOutput, tensors: dict[str, Array]) -> None:
    with pytest.raises(BadOutput):
        run(declared, LABELS, **tensors)


@pytest.mark.parametrize(
    ("declared", "tensors"),
    [
        (declare("class", tensor="o"), {"o": np.zeros((1, 1))}),
        (declare("semantic", tensor="o"), {"o": np.zeros((1, 1, 8, 8))}),
        (declare("split", boxes="b", logits="l", activation="softmax"), {"b": np.zeros((9, 4)), "l": np.zeros((9, 1))}),
    ],
)
def test_a_softmax_of_a_single_score_which_would_always_be_certain_is_refused(
    declared: ModelOutput, tensors: dict[str, Array]
) -> None:
    with pytest.raises(BadOutput, match="always 1"):
        run(declared, ("smoke",), **tensors)


@pytest.mark.parametrize(
    "fields",
    [
        {"decoder": "dense", "tensor": "o", "protos": "p", "keypoints": {"count": 17}},
        {"decoder": "rows", "tensor": "o", "fields": ["x1", "y1", "x2", "y2", "score", "score"]},
        {"decoder": "split", "boxes": "b"},
        {"decoder": "split", "boxes": "b", "scores": "s"},
        {"decoder": "split", "boxes": "b", "scores": "s", "labels": "l", "logits": "o"},
        {"decoder": "priors", "boxes": "b", "logits": "l"},
        {"decoder": "unknown", "tensor": "o"},
    ],
)
def test_a_declaration_that_contradicts_itself_is_refused(fields: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        _outputs.validate_python(fields)


def test_the_tensors_that_a_decoder_reads_are_known() -> None:
    assert tensors_of(declare("dense", tensor="o", protos="p")) == ("o", "p")
    assert tensors_of(declare("split", boxes="b", scores="s", labels="l")) == ("b", "s", "l")


@pytest.mark.parametrize("label", [0, 300, 9_999])
def test_small_things_beside_each_other_stay_two_whatever_the_number_of_their_label(label: int) -> None:
    small = np.array([[13, 13, 21, 21], [19, 13, 27, 21], [13, 13, 21, 20]], np.float32)

    kept = distinct(small, np.array([0.9, 0.8, 0.7], np.float32), np.full(3, label, np.int64), Nms(iou=0.45))

    assert kept.tolist() == [0, 1]


@pytest.mark.parametrize("nms", [None, Nms()])
def test_of_more_boxes_than_a_picture_may_have_the_strongest_stay(nms: Nms | None) -> None:
    left = np.arange(MOST_BOXES + 50, dtype=np.float32) * 10
    apart = np.stack([left, left, left + 5, left + 5], axis=1)
    scores = np.linspace(0.1, 0.9, len(left), dtype=np.float32)

    kept = distinct(apart, scores, np.zeros(len(left), np.int64), nms)

    assert kept.tolist() == list(range(len(left) - 1, 49, -1))


def test_boxes_at_one_place_stay_apart_by_their_labels_unless_it_is_declared_otherwise() -> None:
    twice, scores = np.array([BOX, BOX], np.float32), np.array([0.9, 0.8], np.float32)

    assert distinct(twice, scores, np.array([1, 2]), Nms()).tolist() == [0, 1]
    assert distinct(twice, scores, np.array([1, 2]), Nms(per_class=False)).tolist() == [0]


def test_nothing_strong_enough_gives_nothing() -> None:
    found = boxes(declare("dense", tensor="o", objectness=True), o=planted(CENTRE, objectness=True) * 0.1)

    assert len(found.scores) == 0


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), strange=st.sampled_from([np.nan, np.inf, -np.inf, 3e38, -3e38]))
def test_damaged_numbers_never_leave_as_boxes(seed: int, strange: float) -> None:
    random = np.random.default_rng(seed)
    values = random.normal(0.5, 1.0, (1, PLACES, 9)).astype(np.float32)
    values[random.random(values.shape) < 0.2] = strange

    with np.errstate(all="ignore"):
        found = boxes(declare("dense", tensor="o", objectness=True, grid=[8, 16, 32]), o=values)

    assert np.isfinite(found.xyxy).all()
    assert np.isfinite(found.scores).all()
    assert len(found.scores) <= 300
