"""A detector of the size that cards are bought for: as YOLOX-M some 80 GFLOP at 640 x 640, planted weights."""

from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.transformers.float16 import convert_float_to_float16

from federation.packages import Package, write_manifest, write_package
from tests.bench.engine.material import declared

SIDE = 640
LABELS = 80
# Channels of each level of the backbone and how many convolutions it holds besides the one that halves the picture.
LEVELS = ((48, 0), (96, 2), (192, 6), (384, 6), (576, 4))
STRIDES = (8, 16, 32)
RARE = -4.0
"""The bias of what says that something is there: few places of a picture do."""


def deep_package(folder: Path, *, half: bool) -> Package:
    """Return the package of the detector, with numbers of 32 bits, or of 16 inside."""
    name = "bench.half" if half else "bench.deep"
    manifest = declared(
        name,
        tuple(f"thing{number}" for number in range(LABELS)),
        {"tensor": "images", "size": [SIDE, SIDE]},
        {"decoder": "dense", "tensor": "output", "objectness": True, "grid": list(STRIDES), "conf": 0.35},
        ram_mb=4096,
    )
    parts = {"algorithm.yaml": write_manifest(manifest).encode(), "models/m.onnx": deep_model(half=half)}
    return write_package(parts, folder / f"{name}.algpkg")


def deep_model(*, half: bool) -> bytes:
    """Return the detector as ONNX; its batch may have any size."""
    graph = _Graph()
    maps, channels, features = "images", 3, []
    for level, (wide, more) in enumerate(LEVELS):
        maps = graph.convolution(maps, channels, wide, stride=2)
        for _ in range(more):
            maps = graph.node("Add", maps, graph.convolution(maps, wide, wide))
        channels = wide
        if level >= len(LEVELS) - len(STRIDES):
            features.append((maps, wide))
    rows = [graph.head(maps, wide) for maps, wide in features]
    graph.nodes.append(helper.make_node("Concat", rows, ["output"], axis=1))
    images = helper.make_tensor_value_info("images", TensorProto.FLOAT, ["n", 3, SIDE, SIDE])
    places = sum((SIDE // stride) ** 2 for stride in STRIDES)
    output = helper.make_tensor_value_info("output", TensorProto.FLOAT, ["n", places, 5 + LABELS])
    whole = helper.make_graph(graph.nodes, "deep", [images], [output], graph.weights)
    model = helper.make_model(whole, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    return bytes((convert_float_to_float16(model, keep_io_types=True) if half else model).SerializeToString())


class _Graph:
    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.weights: list[onnx.TensorProto] = []
        self._dice = np.random.default_rng(1)

    def node(self, operator: str, *inputs: str, **how: Any) -> str:
        """Add an operator; return the name of what it gives."""
        result = f"v{len(self.nodes)}"
        self.nodes.append(helper.make_node(operator, list(inputs), [result], **how))
        return result

    def convolution(self, maps: str, channels: int, wide: int, *, stride: int = 1) -> str:
        """Add a convolution of 3 x 3 and its SiLU."""
        spread = 0.5 / np.sqrt(channels * 9)
        kernel = self._weight(self._dice.normal(0, spread, (wide, channels, 3, 3)))
        found = self.node("Conv", maps, kernel, pads=[1, 1, 1, 1], strides=[stride, stride])
        return self.node("Mul", found, self.node("Sigmoid", found))

    def head(self, maps: str, channels: int) -> str:
        """Add what makes a row of every place: box, whether something is there, and the labels."""
        kernel = self._weight(self._dice.normal(0, 1 / np.sqrt(channels), (5 + LABELS, channels, 1, 1)))
        bias = np.zeros(5 + LABELS)
        bias[4] = RARE
        found = self.node("Conv", maps, kernel, self._weight(bias))
        flat = self.node("Flatten", self.node("Transpose", found, perm=[0, 2, 3, 1]), axis=1)
        rows = self.node("Reshape", flat, self._sizes([0, -1, 5 + LABELS]))
        boxes, scores = f"{rows}b", f"{rows}s"
        self.nodes.append(helper.make_node("Split", [rows, self._sizes([4, 1 + LABELS])], [boxes, scores], axis=2))
        return self.node("Concat", boxes, self.node("Sigmoid", scores), axis=2)

    def _weight(self, values: NDArray[Any]) -> str:
        return self._constant(values.astype(np.float32))

    def _sizes(self, values: list[int]) -> str:
        return self._constant(np.array(values, np.int64))

    def _constant(self, values: NDArray[Any]) -> str:
        name = f"w{len(self.weights)}"
        self.weights.append(numpy_helper.from_array(values, name))
        return name
