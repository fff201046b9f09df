"""The way of pictures into a model on a card: they travel as bytes, a quarter of what numbers take.

Over there they are turned into the declared tensor.
"""

from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from appliance.analysis.engine.devices import Device, open_session
from appliance.analysis.engine.graphs import model_of
from federation.packages.manifest import ModelInput

CANVASES, TENSOR = "canvases", "tensor"
_TYPES = {"uint8": TensorProto.UINT8, "float32": TensorProto.FLOAT, "float16": TensorProto.FLOAT16}


class CardEntry:
    """The pre-processing of one model, on its card. Thread-safe."""

    def __init__(self, declared: ModelInput, device: Device) -> None:
        """Load it; raise CardFails."""
        self._session = open_session(entry_graph(declared), device)
        self._index = device.index

    def tensor_of(self, canvases: NDArray[np.uint8]) -> ort.OrtValue:
        """Return the input tensor of pictures (n, height, width, 3); it lies on the card."""
        binding = self._session.io_binding()
        binding.bind_cpu_input(CANVASES, np.ascontiguousarray(canvases))
        binding.bind_output(TENSOR, "cuda", self._index)
        self._session.run_with_iobinding(binding)
        return binding.get_outputs()[0]


def entry_graph(declared: ModelInput) -> bytes:
    """Return a model that does what `preprocessing.tensor_of` does: pictures (n, height, width, 3) to the tensor."""
    width, height = declared.size
    steps, weights = _steps(declared)
    names = [CANVASES, *(f"step{number}" for number in range(1, len(steps))), TENSOR]
    nodes = [
        helper.make_node(operator, [names[number], *more], [names[number + 1]], **how)
        for number, (operator, more, how) in enumerate(steps)
    ]
    shape = ["n", 3, height, width] if declared.layout == "NCHW" else ["n", height, width, 3]
    taken = helper.make_tensor_value_info(CANVASES, TensorProto.UINT8, ["n", height, width, 3])
    given = helper.make_tensor_value_info(TENSOR, _TYPES[declared.dtype], shape)
    return model_of(nodes, [taken], [given], weights)


_Step = tuple[str, list[str], dict[str, Any]]


def _steps(declared: ModelInput) -> tuple[list[_Step], list[onnx.TensorProto]]:
    """Return the operators in their order, each with its further inputs and attributes, and the constants."""
    steps: list[_Step] = []
    weights: list[onnx.TensorProto] = []
    if declared.color == "RGB":
        steps.append(("Gather", ["channels"], {"axis": 3}))
        weights.append(numpy_helper.from_array(np.array([2, 1, 0], np.int64), "channels"))
    if declared.layout == "NCHW":
        steps.append(("Transpose", [], {"perm": [0, 3, 1, 2]}))
    if declared.dtype == "uint8":
        return steps or [("Identity", [], {})], weights
    steps.append(("Cast", [], {"to": TensorProto.FLOAT}))
    axes = (1, 3, 1, 1) if declared.layout == "NCHW" else (1, 1, 1, 3)
    for operator, name, value in (
        ("Mul", "scale", declared.scale),
        ("Sub", "mean", declared.mean),
        ("Div", "std", declared.std),
    ):
        steps.append((operator, [name], {}))
        whole = np.broadcast_to(np.array(value, np.float32).reshape(-1), (3,)).reshape(axes)
        weights.append(numpy_helper.from_array(np.ascontiguousarray(whole), name))
    if declared.dtype == "float16":
        steps.append(("Cast", [], {"to": TensorProto.FLOAT16}))
    return steps, weights
