"""Small ONNX graphs and the real YOLOX-Nano, from a picture to detections as the manifest declares them."""

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from appliance.analysis.decoders import BadOutput
from appliance.analysis.detector import Detector
from appliance.analysis.preprocessing import crop, tensor_of
from appliance.packaging.coco import LABELS
from federation.messages import Box
from federation.packages import Manifest
from federation.packages.manifest import ModelInput

DATA = Path(__file__).parents[3].parent / "shared" / "data"
SIDE = 32
WIDE = np.full((16, 32, 3), 128, np.uint8)  # lies in the middle of the input, from y 8 to 24
WHOLE = (0.0, 0.0, 1.0, 1.0)


def graph(*, wants_size: bool = False, **outputs: NDArray[Any]) -> bytes:
    """Return a model with a picture as its input and these constants as its outputs."""
    inputs = [helper.make_tensor_value_info("images", TensorProto.FLOAT, [1, 3, SIDE, SIDE])]
    if wants_size:
        inputs.append(helper.make_tensor_value_info("orig_target_sizes", TensorProto.INT64, [1, 2]))
    nodes = [helper.make_node("Constant", [], [name], value=numpy_helper.from_array(outputs[name])) for name in outputs]
    results = [
        helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(value.dtype), value.shape)
        for name, value in outputs.items()
    ]
    model = helper.make_model(
        helper.make_graph(nodes, "planted", inputs, results), opset_imports=[helper.make_opsetid("", 17)], ir_version=10
    )
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())


def manifest(output: dict[str, object], *, labels: tuple[str, ...] = ("bin", "person"), **more: object) -> Manifest:
    given = {"tensor": "images", "size": [SIDE, SIDE], **more}
    return Manifest.model_validate(
        {
            "apiVersion": "algpkg/1",
            "kind": "algorithm",
            "id": "test.planted",
            "version": "1.0.0",
            "name": {"zh": "测试", "en": "Test"},
            "description": {"zh": "测试", "en": "Test"},
            "vendor": {"id": "test", "name": {"zh": "测试", "en": "Test"}},
            "runtime": {"platforms": [{"backend": "onnxruntime", "file": "models/m.onnx"}]},
            "input": given,
            "output": output,
            "labels": labels,
            "rule": {"kind": "presence"},
            "events": [{"code": "test.planted/x", "name": {"zh": "测", "en": "x"}, "when": {"labels": [labels[0]]}}],
            "licence": {"software": "NOASSERTION"},
        }
    )


def corners(detector: Detector, picture: NDArray[np.uint8] = WIDE) -> list[tuple[str, tuple[float, ...]]]:
    found = detector.detect(picture)
    return [
        (item.label, (item.box.x, item.box.y, item.box.x + item.box.width, item.box.y + item.box.height))
        for item in found
    ]


def test_boxes_come_back_in_shares_of_the_picture() -> None:
    rows = np.array([[[8, 12, 16, 20, 0.9, 1]]], np.float32)
    detector = Detector(manifest({"decoder": "rows", "tensor": "o"}), graph(o=rows))

    assert corners(detector) == [("person", (0.25, 0.25, 0.5, 0.75))]


@pytest.mark.parametrize(
    "box",
    [
        pytest.param([8, 0, 16, 7], id="in the grey beside the picture"),
        pytest.param([40, 10, 60, 20], id="right of the input"),
        pytest.param([16, 20, 8, 12], id="with its corners the wrong way round"),
        pytest.param([8, 12, 8, 20], id="without width"),
    ],
)
def test_a_box_that_covers_nothing_of_the_picture_is_no_detection(box: list[float]) -> None:
    rows = np.array([[[*box, 0.9, 1], [8, 4, 16, 20, 0.8, 1]]], np.float32)
    detector = Detector(manifest({"decoder": "rows", "tensor": "o"}), graph(o=rows))

    assert corners(detector) == [("person", (0.25, 0.0, 0.5, 0.75))]


def test_a_second_input_is_given_the_size_of_the_first() -> None:
    tensors: dict[str, NDArray[Any]] = {
        "boxes": np.array([[[8, 12, 16, 20]]], np.float32),
        "scores": np.array([[0.9]], np.float32),
        "labels": np.array([[0]], np.int64),
    }
    output: dict[str, object] = {"decoder": "split", "boxes": "boxes", "scores": "scores", "labels": "labels"}
    model = graph(wants_size=True, **tensors)

    detector = Detector(manifest(output, extra=[{"tensor": "orig_target_sizes"}]), model)

    assert corners(detector) == [("bin", (0.25, 0.25, 0.5, 0.75))]
    with pytest.raises(ValueError, match="orig_target_sizes"):
        Detector(manifest(output), model)


def test_a_label_of_the_whole_picture_has_it_as_its_box() -> None:
    logits = np.array([[0.0, 4.0]], np.float32)
    detector = Detector(manifest({"decoder": "class", "tensor": "o"}), graph(o=logits))

    assert corners(detector) == [("person", WHOLE)]


def test_an_area_has_the_box_around_it() -> None:
    logits = np.zeros((1, 2, 8, 8), np.float32)
    logits[0, 0] = 5.0
    logits[0, 1, 4:6, 2:4] = 10.0
    detector = Detector(manifest({"decoder": "semantic", "tensor": "o", "background": 0}), graph(o=logits))

    assert corners(detector) == [("person", (0.25, 0.5, 0.5, 1.0))]


def test_an_area_that_is_too_small_is_not_reported() -> None:
    logits = np.zeros((1, 2, 8, 8), np.float32)
    logits[0, 1, 4, 4] = 10.0
    declared: dict[str, object] = {"decoder": "semantic", "tensor": "o", "min_share": 0.02, "conf": 0.6}

    assert corners(Detector(manifest(declared), graph(o=logits))) == []


@pytest.mark.parametrize(("most", "told"), [(1, ["open"]), (16, ["open", "open"])])
def test_a_second_model_looks_at_so_many_of_its_things_and_at_no_others(most: int, told: list[str]) -> None:
    stage = {
        "file": "models/second.onnx",
        "on": ["bin"],
        "most": most,
        "input": {"tensor": "images", "size": [SIDE, SIDE]},
        "output": {"decoder": "class", "tensor": "o", "activation": "none"},
        "labels": ["open", "full"],
    }
    whole = manifest({"decoder": "rows", "tensor": "o"}).model_dump(mode="json", exclude_defaults=True)
    rows = np.array([[[0, 8, 9, 24, 0.9, 0], [10, 8, 20, 24, 0.8, 1], [20, 8, 30, 24, 0.7, 0]]], np.float32)
    second = graph(o=np.array([[0.6, 0.1]], np.float32))

    found = Detector(Manifest.model_validate({**whole, "stages": [stage]}), graph(o=rows), b"", [second]).detect(WIDE)

    assert [item.label for item in found] == ["bin", "person", "bin", *told]
    assert [item.box for item in found[3:]] == [found[0].box, found[2].box][:most]


@pytest.mark.parametrize(
    ("declared", "values"),
    [
        ({"color": "BGR", "scale": 1.0}, [10, 20, 30]),
        ({"color": "RGB", "scale": 1.0}, [30, 20, 10]),
        ({"color": "RGB", "scale": 0.1}, [3, 2, 1]),
        ({"color": "RGB", "scale": 0.1, "mean": [1, 2, 3]}, [2, 0, -2]),
        ({"color": "RGB", "scale": 0.1, "mean": [1, 2, 3], "std": [2, 1, 4]}, [1, 0, -0.5]),
        ({"color": "BGR", "scale": 1.0, "dtype": "float16"}, [10, 20, 30]),
        ({"color": "RGB", "scale": 0.1, "dtype": "uint8"}, [30, 20, 10]),
    ],
)
@pytest.mark.parametrize("layout", ["NCHW", "NHWC"])
def test_a_picture_becomes_the_tensor_that_is_declared(
    layout: str, declared: dict[str, object], values: list[float]
) -> None:
    entry = ModelInput.model_validate({"tensor": "images", "size": [16, 24], "layout": layout, **declared})
    canvas = np.full((1, 24, 16, 3), (10, 20, 30), np.uint8)

    tensor = tensor_of(canvas, entry)

    assert tensor.dtype == declared.get("dtype", "float32")
    assert tensor.shape == ((1, 3, 24, 16) if layout == "NCHW" else (1, 24, 16, 3))
    pixel = tensor[0, :, 5, 7] if layout == "NCHW" else tensor[0, 5, 7]
    assert pixel.tolist() == pytest.approx(values, abs=1e-5)


@pytest.mark.parametrize(
    ("box", "margin", "part"),
    [
        ((0.4, 0.4, 0.2, 0.1), 0.0, (40, 60, 40, 50)),
        ((0.4, 0.4, 0.2, 0.1), 0.5, (30, 70, 35, 55)),
        ((0.0, 0.9, 0.2, 0.1), 0.5, (0, 30, 85, 100)),
        ((1.0, 1.0, 0.0, 0.0), 0.5, (99, 100, 99, 100)),
    ],
)
def test_a_thing_is_cut_out_with_its_margin_within_the_picture(
    box: tuple[float, float, float, float], margin: float, part: tuple[int, int, int, int]
) -> None:
    x, y, width, height = box
    picture = np.zeros((100, 100, 3), np.uint8)
    picture[..., 0], picture[..., 1] = np.arange(100)[None, :], np.arange(100)[:, None]

    found = crop(picture, Box(x=x, y=y, width=width, height=height), margin)

    left, top = (int(value) for value in found[0, 0, :2])
    assert (left, left + found.shape[1], top, top + found.shape[0]) == part


def test_a_model_that_is_not_as_declared_is_refused_when_it_is_loaded() -> None:
    dense = graph(o=np.zeros((1, 9, 85), np.float32))

    with pytest.raises(BadOutput, match="85 channels"):
        Detector(manifest({"decoder": "dense", "tensor": "o", "objectness": True}), dense)
    with pytest.raises(ValueError, match="outputs"):
        Detector(manifest({"decoder": "dense", "tensor": "other"}), dense)


@pytest.mark.footage
@pytest.mark.skipif(not DATA.is_dir(), reason="the folder of real footage ../shared/data is absent")
def test_the_real_yolox_sees_the_people_and_the_parked_cars_of_a_real_street() -> None:
    declared: dict[str, object] = {
        "decoder": "dense",
        "tensor": "output",
        "objectness": True,
        "grid": [8, 16, 32],
        "conf": 0.35,
    }
    given = {"size": [416, 416], "color": "BGR", "scale": 1.0, "anchor": "topleft"}
    model = (DATA / "models" / "yolox_nano.onnx").read_bytes()
    detector = Detector(manifest(declared, labels=LABELS, **given), model)
    video = cv2.VideoCapture(str(DATA / "footage" / "vtest.avi"))
    video.set(cv2.CAP_PROP_POS_FRAMES, 100)
    done, picture = video.read()
    video.release()
    assert done

    labels = [item.label for item in detector.detect(picture)]

    assert 4 <= labels.count("person") <= 9
    assert "car" in labels
