"""Cards: the way of pictures into a model there, and what becomes of a box whose card does not work."""

import itertools
from typing import Any

import numpy as np
import onnxruntime as ort
import pytest
from onnx import TensorProto, helper, numpy_helper

from appliance.analysis.decoders import Boxes
from appliance.analysis.decoders.dense import cells_of, decode_dense, places_of
from appliance.analysis.engine.cards import Card, cards_here, devices_here, fault_of
from appliance.analysis.engine.devices import GPU_BATCH, Device
from appliance.analysis.engine.entry import CANVASES, entry_graph
from appliance.analysis.engine.exit import MOST_ROWS, PLACES, RAW, ROWS, can_narrow, exit_graph
from appliance.analysis.engine.host import Host
from appliance.analysis.engine.network import Head, Network
from appliance.analysis.preprocessing import tensor_of
from federation.packages.manifest import ModelInput
from federation.packages.outputs import DenseOutput, ModelOutput, RowsOutput

CARD = Device(kind="cuda", workers=2, batch=GPU_BATCH)
SIZE = (320, 320)
SHIFTED = {"mean": (0.1, 0.2, 0.3), "std": (0.5, 0.6, 0.7)}


def card(index: int) -> Card:
    return Card(index=index, name="planted", memory_mb=1000, used_mb=0, busy_percent=0)


@pytest.mark.parametrize(
    ("color", "layout", "dtype", "more"),
    list(itertools.product(("RGB", "BGR"), ("NCHW", "NHWC"), ("float32", "float16", "uint8"), ({}, SHIFTED))),
)
def test_a_card_makes_the_same_tensor_of_pictures_as_the_cores(
    color: str, layout: str, dtype: str, more: dict[str, Any]
) -> None:
    fields = {"tensor": "x", "size": (32, 24), "color": color, "layout": layout, "dtype": dtype, **more}
    declared = ModelInput.model_validate(fields)
    canvases = np.random.default_rng(1).integers(0, 256, (3, 24, 32, 3), np.uint8)

    session = ort.InferenceSession(entry_graph(declared), providers=["CPUExecutionProvider"])
    (made,) = session.run(None, {CANVASES: canvases})

    expected = tensor_of(canvases, declared)
    assert np.asarray(made).dtype == expected.dtype
    np.testing.assert_allclose(made, expected, atol=2e-3 if dtype == "float16" else 1e-6)


def test_a_card_is_used_if_a_model_runs_on_it_and_told_of_if_not(caplog: pytest.LogCaptureFixture) -> None:
    def fault(device: Device) -> str:
        return "it is too old" if device.index == 1 else ""

    devices = devices_here(4, [card(0), card(1), card(2)], fault)

    assert [device.name for device in devices] == ["cuda:0", "cuda:2"]
    assert "cuda:1 (planted) is not used: it is too old" in caplog.text


def test_a_box_whose_cards_all_fail_works_on_its_cores() -> None:
    assert devices_here(4, [card(0)], lambda _device: "no driver") == (Device(kind="cpu", workers=4),)


def test_the_cores_of_every_machine_pass_the_trial() -> None:
    assert fault_of(Device(kind="cpu", workers=1)) == ""


@pytest.mark.skipif(bool(cards_here()), reason="this machine has a card")
def test_a_card_that_is_not_there_fails_the_trial_and_nothing_quietly_runs_on_the_cores() -> None:
    assert "onnxruntime cannot use cuda:0" in fault_of(CARD)


def test_what_a_process_takes_before_its_model_is_not_the_models() -> None:
    host = Host(Device(kind="cpu", workers=1), memory_bytes=64 << 20, slot_bytes=0)
    try:
        before = host.memory_bytes()
        host.prepare()
        after = host.memory_bytes()
    finally:
        host.end()

    assert before > after


def dense(**fields: Any) -> DenseOutput:
    return DenseOutput.model_validate({"decoder": "dense", "tensor": "o", "conf": 0.3, **fields})


@pytest.mark.parametrize("objectness", [True, False])
@pytest.mark.parametrize("activation", ["none", "sigmoid"])
@pytest.mark.parametrize("channels_first", [True, False])
def test_the_strongest_rows_that_a_card_gives_back_hold_the_boxes_of_all(
    *, objectness: bool, activation: str, channels_first: bool
) -> None:
    declared = dense(objectness=objectness, activation=activation, channels_first=channels_first, grid=(8, 16, 32))
    rows = len(cells_of((8, 16, 32), SIZE))
    values = np.random.default_rng(2).random((2, rows, 4 + objectness + 3)) * 0.2
    values[:, ::97, 4:] = 0.9
    if activation == "sigmoid":
        values[:, :, 4:] = np.log(values[:, :, 4:] / (1 - values[:, :, 4:]))
    whole = (values.transpose(0, 2, 1) if channels_first else values).astype(np.float32)

    session = ort.InferenceSession(exit_graph(declared, 3, "tensor(float)"), providers=["CPUExecutionProvider"])
    strong, places = session.run([ROWS, PLACES], {RAW: whole})

    assert np.asarray(strong).shape[1] == MOST_ROWS < rows
    for number in range(2):
        narrow = {"o": strong[number : number + 1], places_of("o"): places[number : number + 1]}
        found, expected = (
            decode_dense(tensors, declared, size=SIZE, labels=3)
            for tensors in (narrow, {"o": whole[number : number + 1]})
        )
        assert len(expected.xyxy) > 1
        np.testing.assert_array_equal(found.xyxy, expected.xyxy)
        np.testing.assert_array_equal(found.classes, expected.classes)
        np.testing.assert_allclose(found.scores, expected.scores)


@pytest.mark.parametrize(
    ("output", "shape", "kind"),
    [
        (dense(), ["n", "rows", 7], "tensor(float)"),
        (dense(), [1, 84], "tensor(float)"),
        (dense(), [1, 84, 7], "tensor(int8)"),
        (dense(grid=(8, 16, 32)), [1, 84, 7], "tensor(float)"),
        (RowsOutput(decoder="rows", tensor="o"), [1, 84, 6], "tensor(float)"),
    ],
)
def test_what_may_not_fit_what_is_declared_comes_back_whole(output: ModelOutput, shape: list[Any], kind: str) -> None:
    assert not can_narrow(output, shape, kind, SIZE)


@pytest.mark.skipif(not cards_here(), reason="this machine has no card")
@pytest.mark.parametrize("pictures", [1, 3, 16, 21])
def test_a_model_sees_the_same_on_a_card_as_on_the_cores(pictures: int) -> None:
    entry, output = ModelInput(tensor="x", size=(64, 64)), dense(grid=(8,))
    canvases = np.random.default_rng(3).integers(0, 256, (pictures, 64, 64, 3), np.uint8)
    seen = []
    for device in (Device(kind="cpu"), CARD):
        network, head = Network(entry, pixels_as_rows(), device), Head(output, ("a", "b", "c"), entry.size)
        network.warm()
        network.narrow(output, 3)
        seen.append([head.outcome(tensors) for tensors in network.run(canvases, {"o"})])

    for there, here in zip(seen[1], seen[0], strict=True):
        assert isinstance(there, Boxes)
        assert isinstance(here, Boxes)
        assert len(here.xyxy) > 1
        np.testing.assert_allclose(there.xyxy, here.xyxy, rtol=1e-3, atol=1e-2)
        np.testing.assert_array_equal(there.classes, here.classes)


def pixels_as_rows() -> bytes:
    """Return a model that makes a row of every cell of 8 x 8 px: its mean colours are box, and labels."""
    pictures = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 3, 64, 64])
    result = helper.make_tensor_value_info("o", TensorProto.FLOAT, ["n", 64, 7])
    kernel = np.random.default_rng(4).random((7, 3, 8, 8)).astype(np.float32) / 96
    nodes = [
        helper.make_node("Conv", ["x", "kernel"], ["maps"], strides=[8, 8]),
        helper.make_node("Reshape", ["maps", "shape"], ["flat"]),
        helper.make_node("Transpose", ["flat"], ["o"], perm=[0, 2, 1]),
    ]
    constants = [numpy_helper.from_array(kernel, "kernel"), numpy_helper.from_array(np.array([0, 7, 64]), "shape")]
    graph = helper.make_graph(nodes, "pixels", [pictures], [result], constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    return bytes(model.SerializeToString())
