"""From learnt weights to an ONNX file of standard operators, normalisation folded into the convolutions."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import onnx
import onnxruntime
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from hil_tests.training.network import CHANNELS, EPSILON, HEADS, LAYERS, PATCH, Layer
from hil_tests.training.pictures import HEIGHT_PX, WIDTH_PX

INPUT, OUTPUT = "images", "findings"
OPSET = 17
_IR_VERSION = 8  # of the time of that opset, so that older runtimes read it

Arrays = Mapping[str, NDArray[np.float32]]
Floats = NDArray[np.float32]


def onnx_model(weights: Arrays, statistics: Arrays) -> bytes:
    """Return the model: (n, 3, height, width) RGB from 0 to 1 in, (n, cells, CHANNELS) raw out."""
    writer = _Writer()
    writer.add("SpaceToDepth", [INPUT], "patches", blocksize=PATCH)
    for layer in LAYERS:
        _write_layer(writer, layer, weights, statistics)
    for head in HEADS:
        writer.add("Transpose", [head], f"{head}.places", perm=[0, 2, 3, 1])
        shape = writer.constant(f"{head}.shape", np.array([0, -1, CHANNELS], np.int64))
        writer.add("Reshape", [f"{head}.places", shape], f"{head}.rows")
    writer.add("Concat", [f"{head}.rows" for head in HEADS], OUTPUT, axis=1)
    return writer.model()


class _Writer:
    """Nodes and constants of a graph in the making."""

    def __init__(self) -> None:
        self._nodes: list[Any] = []
        self._constants: list[Any] = []

    def add(self, operator: str, inputs: list[str], output: str, **attributes: Any) -> None:
        self._nodes.append(helper.make_node(operator, inputs, [output], name=output, **attributes))

    def constant(self, name: str, value: NDArray[Any]) -> str:
        self._constants.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    def model(self) -> bytes:
        graph = helper.make_graph(
            self._nodes,
            "street_objects",
            [helper.make_tensor_value_info(INPUT, TensorProto.FLOAT, ["n", 3, HEIGHT_PX, WIDTH_PX])],
            [helper.make_tensor_value_info(OUTPUT, TensorProto.FLOAT, ["n", _cells(), CHANNELS])],
            self._constants,
        )
        made = helper.make_model(
            graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=_IR_VERSION, producer_name="fengsui"
        )
        onnx.checker.check_model(made, full_check=True)
        return bytes(made.SerializeToString())


def _cells() -> int:
    return sum((HEIGHT_PX // stride) * (WIDTH_PX // stride) for stride in (2 * PATCH, 4 * PATCH))


def _write_layer(writer: _Writer, layer: Layer, weights: Arrays, statistics: Arrays) -> None:
    kernel, bias = _folded(layer, weights, statistics)
    source = layer.source
    if layer.halved:
        source = f"{layer.name}.halved"
        writer.add("SpaceToDepth", [layer.source], source, blocksize=2)
    constants = [
        writer.constant(f"{layer.name}.w", kernel.transpose(3, 2, 0, 1)),
        writer.constant(f"{layer.name}.b", bias),
    ]
    steps = list(_steps(layer, writer))
    names = [f"{layer.name}.{number}" for number in range(len(steps))] + [layer.name]
    margin = layer.kernel // 2
    writer.add("Conv", [source, *constants], names[0], kernel_shape=[layer.kernel] * 2, pads=[margin] * 4)
    for (operator, more, attributes), before, after in zip(steps, names, names[1:], strict=False):
        writer.add(operator, [before, *more], after, **attributes)


def _steps(layer: Layer, writer: _Writer) -> Iterator[tuple[str, list[str], dict[str, Any]]]:
    """Yield what follows the convolution: operator, further inputs, attributes."""
    if layer.normed:
        yield "Relu", [], {}
    if layer.doubled:
        scales = writer.constant(f"{layer.name}.scales", np.array([1, 1, 2, 2], np.float32))
        nearest = {"mode": "nearest", "coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}
        yield "Resize", ["", scales], nearest
    if layer.adds is not None:
        yield "Add", [layer.adds], {}


def _folded(layer: Layer, weights: Arrays, statistics: Arrays) -> tuple[Floats, Floats]:
    kernel = weights[f"{layer.name}.w"]
    if not layer.normed:
        return kernel, weights[f"{layer.name}.b"]
    scale = weights[f"{layer.name}.gain"] / np.sqrt(statistics[f"{layer.name}.var"] + EPSILON)
    shift = weights[f"{layer.name}.shift"] - statistics[f"{layer.name}.mean"] * scale
    return np.asarray(kernel * scale, np.float32), np.asarray(shift, np.float32)


class Runner:
    """A model as onnxruntime computes it, one picture after the other on one core."""

    def __init__(self, model: bytes) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self._session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])

    def raw(self, picture: NDArray[np.uint8]) -> Floats:
        """Return the raw output (cells, CHANNELS) for an RGB picture of the model's input size."""
        values = picture.transpose(2, 0, 1)[None].astype(np.float32) / 255
        return np.asarray(self._session.run([OUTPUT], {INPUT: values})[0][0], np.float32)
