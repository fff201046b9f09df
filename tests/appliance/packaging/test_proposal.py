"""Bare models become packages: what shapes and metadata say, and what only pictures prove."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from appliance.packaging.__main__ import main
from appliance.packaging.coco import LABELS
from appliance.packaging.drafts import of_model
from appliance.packaging.errors import WrongCall
from appliance.packaging.half import halved
from appliance.packaging.packing import labels_at
from appliance.packaging.proofs import proofs_of
from appliance.packaging.proposal import CannotPropose, propose
from federation.packages import open_package

SIDE = 64
NAMES = "{0: 'lamp', 1: 'fire'}"
ULTRALYTICS = {"task": "detect", "names": NAMES, "stride": "32", "imgsz": f"[{SIDE}, {SIDE}]"}
_AXIS = np.arange(SIDE, dtype=np.float32) + 0.5


def picture(*, lit: bool = True) -> np.ndarray[Any, Any]:
    """Return a black picture, with a red square of 20 px where it is lit."""
    canvas = np.zeros((SIDE, SIDE, 3), np.uint8)
    if lit:
        canvas[30:50, 8:28] = (0, 0, 255)
    return canvas


def central() -> np.ndarray[Any, Any]:
    """Return a picture whose square is in the middle, where a box and its mirror image are the same."""
    canvas = np.zeros((SIDE, SIDE, 3), np.uint8)
    canvas[22:42, 22:42] = (0, 0, 255)
    return canvas


def constant(name: str, value: Any, dtype: Any = np.float32) -> Any:
    return helper.make_node("Constant", [], [name], value=numpy_helper.from_array(np.asarray(value, dtype)))


def eye() -> list[Any]:
    """Return nodes that find what is red: `cx`, `cy` in px and `score`, all of shape (1, 1, 1)."""
    return [
        constant("half", 0.5),
        constant("tiny", 1e-6),
        constant("x", _AXIS.reshape(1, 1, 1, SIDE)),
        constant("y", _AXIS.reshape(1, 1, SIDE, 1)),
        constant("from", [0], np.int64),
        constant("to", [1], np.int64),
        constant("channel", [1], np.int64),
        constant("small", [1, 1, 1], np.int64),
        helper.make_node("Slice", ["images", "from", "to", "channel"], ["red"]),
        helper.make_node("Greater", ["red", "half"], ["above"]),
        helper.make_node("Cast", ["above"], ["lit"], to=TensorProto.FLOAT),
        helper.make_node("ReduceSum", ["lit"], ["area"], keepdims=0),
        helper.make_node("Add", ["area", "tiny"], ["some"]),
        helper.make_node("Mul", ["lit", "x"], ["lx"]),
        helper.make_node("Mul", ["lit", "y"], ["ly"]),
        helper.make_node("ReduceSum", ["lx"], ["sx"], keepdims=0),
        helper.make_node("ReduceSum", ["ly"], ["sy"], keepdims=0),
        helper.make_node("Div", ["sx", "some"], ["mx"]),
        helper.make_node("Div", ["sy", "some"], ["my"]),
        helper.make_node("ReduceMax", ["lit"], ["most"], keepdims=0),
        helper.make_node("Reshape", ["mx", "small"], ["cx"]),
        helper.make_node("Reshape", ["my", "small"], ["cy"]),
        helper.make_node("Reshape", ["most", "small"], ["found"]),
        constant("sure", 0.9),
        constant("tiny3", [[[0.03]]]),
        helper.make_node("Mul", ["found", "sure"], ["score"]),
        constant("side", [[[20.0]]]),
        constant("none", [[[0.0]]]),
    ]


def made(nodes: list[Any], outputs: Mapping[str, list[int]], metadata: Mapping[str, str], *, more: Any = ()) -> bytes:
    entry = helper.make_tensor_value_info("images", TensorProto.FLOAT, [1, 3, SIDE, SIDE])
    results = [
        helper.make_tensor_value_info(name, TensorProto.INT64 if name == "kinds" else TensorProto.FLOAT, shape)
        for name, shape in outputs.items()
    ]
    graph = helper.make_graph([*eye(), *nodes], "m", [entry, *more], results)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=10)
    helper.set_model_props(model, dict(metadata))
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())


def concat(names: list[str], axis: int, output: str) -> Any:
    return helper.make_node("Concat", names, [output], axis=axis)


def yolo8(metadata: Mapping[str, str] = ULTRALYTICS, extra: int = 0) -> bytes:
    """Return (1, 4 + 2 + extra, 1): cx, cy, w, h and the scores of `lamp` and `fire`."""
    names = ["cx", "cy", "side", "side", "score", "none", *["score"] * extra]
    return made([concat(names, 1, "output0")], {"output0": [1, 6 + extra, 1]}, metadata)


def yolo5() -> bytes:
    """Return (1, 1, 5 + 80) with objectness, and no metadata: labels are those of COCO."""
    names = ["cx", "cy", "side", "side", "score", "score", *["none"] * 79]
    return made([concat(names, 2, "output0")], {"output0": [1, 1, 85]}, {})


def places(names: list[str]) -> bytes:
    """Return (1, 2, 6), a dense detector's places, one of them where the square is; nothing says what they mean."""
    nodes = [
        constant("nowhere", [[[50.0, 9.0, 12.0, 14.0, 0.01, 0.02]]]),
        concat(["cx", "cy", "side", "side", *names], 2, "there"),
        concat(["there", "nowhere"], 1, "output0"),
    ]
    return made(nodes, {"output0": [1, 2, 6]}, {})


def rows(label: float = 0.0, names: str = "['a', 'b', 'c']", *, at: tuple[float, float] = (-10.0, 10.0)) -> bytes:
    """Return (1, 2, 6): a finished detection whose corners lie so around the square's centre, and an empty row."""
    nodes = [
        constant("first", [[[at[0]]]]),
        constant("last", [[[at[1]]]]),
        constant("label", [[[label]]]),
        constant("empty", [[[0.0] * 6]]),
        *(helper.make_node("Add", [f"c{axis}", "first"], [f"{axis}1"]) for axis in "xy"),
        *(helper.make_node("Add", [f"c{axis}", "last"], [f"{axis}2"]) for axis in "xy"),
        concat(["x1", "y1", "x2", "y2", "score", "label"], 2, "there"),
        concat(["there", "empty"], 1, "output0"),
    ]
    return made(nodes, {"output0": [1, 2, 6]}, {**ULTRALYTICS, "names": names} if names else {})


def detr() -> bytes:
    """Return logits (1, 1, 2) and boxes (1, 1, 4) in shares."""
    nodes = [
        constant("whole", float(SIDE)),
        helper.make_node("Div", ["cx", "whole"], ["sx1"]),
        helper.make_node("Div", ["cy", "whole"], ["sy1"]),
        helper.make_node("Div", ["side", "whole"], ["ss"]),
        concat(["sx1", "sy1", "ss", "ss"], 2, "pred_boxes"),
        constant("steep", 12.0),
        constant("low", -6.0),
        helper.make_node("Mul", ["found", "steep"], ["up"]),
        helper.make_node("Add", ["up", "low"], ["logit"]),
        constant("never", [[[-6.0]]]),
        concat(["logit", "never"], 2, "pred_logits"),
    ]
    return made(nodes, {"pred_logits": [1, 1, 2], "pred_boxes": [1, 1, 4]}, {})


def classifier() -> bytes:
    nodes = [
        constant("one", [[[1.0]]]),
        helper.make_node("Sub", ["one", "score"], ["rest"]),
        constant("flat", [1, 2], np.int64),
        concat(["score", "rest"], 2, "both"),
        helper.make_node("Reshape", ["both", "flat"], ["output0"]),
    ]
    return made(nodes, {"output0": [1, 2]}, {**ULTRALYTICS, "task": "classify"})


def test_an_ultralytics_export_says_its_labels_and_how_it_wants_its_pictures() -> None:
    found = propose(yolo8(), None, [picture()])

    assert (found.labels, found.output.decoder) == (("lamp", "fire"), "dense")
    assert (found.input.color, round(found.input.scale * 255, 3), found.input.anchor) == ("RGB", 1, "centre")


def test_keypoints_of_a_pose_model_are_read_from_its_metadata() -> None:
    found = propose(yolo8({**ULTRALYTICS, "task": "pose", "kpt_shape": "[2, 3]"}, extra=6), None, [picture()])

    assert found.output.model_dump()["keypoints"] == {"count": 2, "scored": True}


def test_labels_of_coco_and_the_order_of_colors_are_found_where_nothing_is_said() -> None:
    found = propose(yolo5(), None, [picture()])

    assert (found.labels, found.input.color) == (LABELS, "RGB")
    assert found.output.model_dump()["objectness"] is True


@pytest.mark.parametrize(
    ("model", "labels", "decoder"),
    [(rows(), None, "rows"), (detr(), ("lamp", "fire"), "split"), (classifier(), None, "class")],
    ids=["rows", "detr", "classifier"],
)
def test_other_families_are_proposed_and_proven(model: bytes, labels: tuple[str, ...] | None, decoder: str) -> None:
    found = propose(model, labels, [picture()])

    assert (found.output.decoder, found.support > 0.5) == (decoder, True)


def test_rows_stay_rows_where_a_box_read_as_a_place_would_be_surer_and_its_own_mirror_image() -> None:
    small = rows(1.0, "", at=(-3.0, 3.0))

    assert propose(small, ("lamp", "fire"), [central()]).output.decoder == "rows"


@pytest.mark.parametrize(
    ("model", "labels", "decoder", "found"),
    [
        (places(["score", "score"]), ("lamp",), "dense", "lamp"),
        (places(["score", "tiny3"]), ("lamp", "fire"), "dense", "lamp"),
        (places(["tiny3", "score"]), ("lamp", "fire"), "dense", "fire"),
        (rows(0.0, ""), ("lamp",), "rows", "lamp"),
        (rows(0.0, ""), ("lamp", "fire"), "rows", "lamp"),
        (rows(1.0, ""), ("lamp", "fire"), "rows", "fire"),
        (rows(1.0, NAMES), None, "rows", "fire"),
    ],
    ids=[
        "v5 of one",
        "v8 of two, the first",
        "v8 of two, the second",
        "rows of one",
        "rows, the first",
        "rows",
        "told",
    ],
)
def test_six_figures_a_place_are_rows_or_a_dense_detector_of_one_label_or_two(
    model: bytes, labels: tuple[str, ...] | None, decoder: str, found: str
) -> None:
    proposal = propose(model, labels, [picture(lit=False), picture()])

    (proof,) = proofs_of(of_model("red", proposal), model, [picture()])
    assert proposal.output.decoder == decoder
    assert [(item.label, item.box) for item in proof.sample.objects] == [(found, (8, 30, 28, 50))]


def test_logits_of_a_detr_are_told_from_scores() -> None:
    assert propose(detr(), ("lamp", "fire"), [picture()]).output.model_dump()["activation"] == "sigmoid"


@pytest.mark.parametrize(
    ("model", "labels", "said"),
    [
        (yolo8({}), None, "--labels"),
        (yolo8({**ULTRALYTICS, "task": "obb"}), None, "obb"),
        (yolo8({**ULTRALYTICS, "names": "__import__('os')"}), None, "--labels"),
        (yolo8(), ("a", "b", "c", "d"), "no decoder fits"),
    ],
)
def test_what_cannot_be_proposed_is_one_sentence(model: bytes, labels: tuple[str, ...] | None, said: str) -> None:
    with pytest.raises(CannotPropose, match=said):
        propose(model, labels, [picture()])


def test_nothing_is_proposed_without_proof() -> None:
    with pytest.raises(CannotPropose, match="nothing was found"):
        propose(yolo8(), None, [picture(lit=False)])
    with pytest.raises(CannotPropose, match="--samples"):
        propose(yolo8(), None, [])


def test_the_package_holds_the_pictures_that_prove_it_and_passes_its_own_trial(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "model.onnx").write_bytes(yolo8())
    (tmp_path / "pictures").mkdir()
    cv2.imwrite(str(tmp_path / "pictures" / "1.png"), picture())
    cv2.imwrite(str(tmp_path / "pictures" / "2.png"), picture(lit=False))
    target = tmp_path / "m.algpkg"

    made = main(["from-onnx", str(tmp_path / "model.onnx"), "--samples", str(tmp_path / "pictures"), "-o", str(target)])

    manifest = open_package(target).manifest
    assert (made, manifest.labels) == (0, ("lamp", "fire"))
    assert [[item.label for item in sample.objects] for sample in manifest.samples] == [["lamp"], []]
    assert main(["verify", str(target)]) == 0, capsys.readouterr()


@pytest.mark.parametrize(
    ("labels", "codes"),
    [
        (("烟雾", "明火"), ["red/label_1", "red/label_2"]),
        (("烟雾", "fire"), ["red/label_1", "red/fire"]),
        (("Fire!", "fire"), ["red/label_1", "red/label_2"]),
        (("烟雾", "label_1"), ["red/label_1", "red/label_2"]),
        (("lamp", "lamp"), ["red/lamp"]),
    ],
)
def test_labels_in_chinese_or_alike_in_letters_get_event_codes_of_their_own(
    labels: tuple[str, str], codes: list[str]
) -> None:
    manifest = of_model("red", propose(yolo8({}), labels, [picture()]))

    assert [event.code for event in manifest.events] == codes
    assert [event.name.zh for event in manifest.events] == list(dict.fromkeys(labels))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("烟雾\n明火\n".encode("gb18030"), "no text in UTF-8"),
        (b" \n", "names no label"),
        (b"x" * 10_000_000, "of 10000000 letters"),
        (b"lamp\n" * 10_001, "10001 labels"),
    ],
)
def test_a_file_that_holds_no_labels_is_one_line(
    tmp_path: Path, content: bytes, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "model.onnx").write_bytes(yolo8())
    (tmp_path / "labels").write_bytes(content)

    done = main(["from-onnx", str(tmp_path / "model.onnx"), "--labels", str(tmp_path / "labels"), "-o", "x.algpkg"])

    assert done == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert said in line


def test_labels_that_windows_saved_are_read_without_its_mark(tmp_path: Path) -> None:
    (tmp_path / "labels").write_text("烟雾\r\n明火\r\n", encoding="utf-8-sig")

    assert labels_at(tmp_path / "labels") == ("烟雾", "明火")


def test_a_model_for_cards_is_added_that_finds_the_same_with_half_the_bits(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "model.onnx").write_bytes(yolo8())
    cv2.imwrite(str(tmp_path / "1.png"), picture())
    target = tmp_path / "m.algpkg"

    made = main(
        ["from-onnx", str(tmp_path / "model.onnx"), "--samples", str(tmp_path / "1.png"), "--half", "-o", str(target)]
    )

    package = open_package(target)
    on_card, on_cores = (package.manifest.platform_on(kinds) for kinds in ({"cuda"}, {"cpu"}))
    assert made == 0
    assert on_card is not None
    assert on_cores is not None
    assert (on_card.file, on_cores.file) == ("models/half.onnx", "models/model.onnx")
    assert TensorProto.FLOAT16 in {item.data_type for item in _constants(package.read("models/half.onnx"))}
    assert main(["verify", str(target)]) == 0, capsys.readouterr()


def test_half_the_bits_are_not_taken_where_they_find_less() -> None:
    model = yolo8()
    manifest = of_model("red", propose(model, None, [picture()]))
    proofs = proofs_of(manifest, model, [picture()])
    blind = onnx.load_model_from_string(model)
    for item in blind.graph.node:
        for part in item.attribute:
            if item.output[0] == "tiny":  # where it sees a thing is a quotient of this and more
                part.t.CopyFrom(numpy_helper.from_array(np.array(1e4, np.float32)))

    with pytest.raises(WrongCall, match="with 16 bits lamp was not found"):
        halved(blind.SerializeToString(), manifest, proofs)


def _constants(model: bytes) -> list[TensorProto]:
    graph = onnx.load_model_from_string(model).graph
    values = [part.t for node in graph.node for part in node.attribute if part.name == "value"]
    return [*graph.initializer, *values]
