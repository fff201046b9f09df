"""The way out of a dense detector on a card: of thousands of rows a picture only the strongest come back.

What else comes back is thrown away by the decoder, after it has taken most of the time that the card saved.
"""

from collections.abc import Sequence

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray
from onnx import NodeProto, TensorProto, helper, numpy_helper

from appliance.analysis.decoders.dense import cells_of, places_of
from appliance.analysis.engine.devices import Device, open_session
from appliance.analysis.engine.graphs import model_of
from federation.packages.outputs import DenseOutput, ModelOutput

MOST_ROWS = 1000
"""Of one picture, before repeats are taken out; 300 boxes are kept after it."""

RAW, ROWS, PLACES = "raw", "rows", "places"
_TYPES = {"tensor(float)": TensorProto.FLOAT, "tensor(float16)": TensorProto.FLOAT16}


def can_narrow(declared: ModelOutput, shape: Sequence[object], kind: str, size: tuple[int, int]) -> bool:
    """Return whether the strongest rows of a tensor of this shape say all, for a model whose input has `size`.

    A tensor that does not fit what is declared comes back whole, so that the decoder says what is wrong with it.
    """
    if not isinstance(declared, DenseOutput) or len(shape) != 3 or kind not in _TYPES:
        return False
    rows = shape[2 if declared.channels_first else 1]
    return isinstance(rows, int) and (declared.grid is None or rows == len(cells_of(declared.grid, size)))


class CardExit:
    """What takes the strongest rows out of one tensor, on its card. Thread-safe."""

    def __init__(self, declared: DenseOutput, labels: int, kind: str, device: Device) -> None:
        """Load it for a tensor of onnxruntime's type `kind`; raise CardFails."""
        self._name = declared.tensor
        self._session = open_session(exit_graph(declared, labels, kind), device)

    def strongest(self, raw: ort.OrtValue) -> dict[str, NDArray[np.generic]]:
        """Return the strongest rows (n, k, channels) of a tensor on the card, and their places in it (n, k)."""
        binding = self._session.io_binding()
        binding.bind_ortvalue_input(RAW, raw)
        binding.bind_output(ROWS)
        binding.bind_output(PLACES)
        self._session.run_with_iobinding(binding)
        rows, places = binding.get_outputs()
        return {self._name: rows.numpy(), places_of(self._name): places.numpy()}


def exit_graph(declared: DenseOutput, labels: int, kind: str) -> bytes:
    """Return a model from a dense tensor to its rows with the greatest scores, and the place of each."""
    graph = _Graph(declared.activation)
    table = graph.node("Cast", RAW, to=TensorProto.FLOAT)
    if declared.channels_first:
        table = graph.node("Transpose", table, perm=[0, 2, 1])
    first = 5 if declared.objectness else 4
    score = graph.shares(graph.node("ReduceMax", graph.columns(table, first, first + labels), axes=[2], keepdims=0))
    if declared.objectness:
        there = graph.node("Squeeze", graph.columns(table, 4, 5), graph.numbers(2))
        score = graph.node("Mul", score, graph.shares(there))
    most = graph.node("Min", graph.node("Shape", score, start=1, end=2), graph.numbers(MOST_ROWS))
    graph.nodes.append(helper.make_node("TopK", [score, most], ["best", PLACES], axis=1))
    index = graph.node("Unsqueeze", PLACES, graph.numbers(2))
    graph.nodes.append(helper.make_node("GatherND", [table, index], [ROWS], batch_dims=1))
    raw = helper.make_tensor_value_info(RAW, _TYPES[kind], ["n", "a", "b"])
    rows = helper.make_tensor_value_info(ROWS, TensorProto.FLOAT, ["n", "k", "c"])
    places = helper.make_tensor_value_info(PLACES, TensorProto.INT64, ["n", "k"])
    return model_of(graph.nodes, [raw], [rows, places], graph.constants)


class _Graph:
    def __init__(self, activation: str) -> None:
        self.nodes: list[NodeProto] = []
        self.constants: list[TensorProto] = []
        self._activation = activation

    def node(self, operator: str, *inputs: str, **how: int | list[int]) -> str:
        """Add an operator; return the name of what it gives."""
        name = f"v{len(self.nodes)}"
        self.nodes.append(helper.make_node(operator, list(inputs), [name], **how))
        return name

    def numbers(self, *values: int) -> str:
        """Add a constant; return its name."""
        name = f"c{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.array(values, np.int64), name))
        return name

    def columns(self, table: str, first: int, end: int) -> str:
        """Add what takes columns out of a table (n, rows, columns)."""
        return self.node("Slice", table, self.numbers(first), self.numbers(end), self.numbers(2))

    def shares(self, values: str) -> str:
        """Add what turns logits into scores, if the model gives logits."""
        return self.node("Sigmoid", values) if self._activation == "sigmoid" else values
