"""Small models of our own, made while the program runs."""

from collections.abc import Sequence

from onnx import NodeProto, TensorProto, ValueInfoProto, helper

_OPSET, _IR = 17, 8


def model_of(
    nodes: Sequence[NodeProto],
    taken: Sequence[ValueInfoProto],
    given: Sequence[ValueInfoProto],
    constants: Sequence[TensorProto],
) -> bytes:
    """Return these operators, in their order, as an ONNX model that takes and gives these tensors."""
    graph = helper.make_graph(nodes, "own", taken, given, constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", _OPSET)], ir_version=_IR)
    return bytes(model.SerializeToString())
