"""A planted backbone and heads for it: they give away how often the backbone was computed.

The backbone throws a die each time that it is computed and gives what fell as a feature; a head makes it the score of
the one thing that it sees. So two heads that name the same score were fed by one computation.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from federation.crypto import sm3_hex
from federation.packages import Manifest, Package, write_manifest, write_package

SIDE = 32
LABELS = ("bin", "person", "cart")
FEATURE = [1, 1, 1]


def _value(name: str, shape: Sequence[int], kind: int = TensorProto.FLOAT) -> Any:
    return helper.make_tensor_value_info(name, kind, shape)


def _constant(name: str, value: NDArray[Any]) -> Any:
    return helper.make_node("Constant", [], [name], value=numpy_helper.from_array(value))


def _model(nodes: list[Any], inputs: list[Any], outputs: list[Any]) -> bytes:
    graph = helper.make_graph(nodes, "planted", inputs, outputs)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=10)
    return bytes(model.SerializeToString())


def backbone() -> bytes:
    """Return a model that gives `dice`, another number each time, and `bright`, the mean of its picture."""
    nodes = [
        helper.make_node("RandomUniform", [], ["dice"], low=0.5, high=0.99, shape=FEATURE),
        helper.make_node("ReduceMean", ["images"], ["mean"], axes=[1, 2, 3], keepdims=0),
        _constant("shape", np.array(FEATURE, np.int64)),
        helper.make_node("Reshape", ["mean", "shape"], ["bright"]),
    ]
    return _model(nodes, [_value("images", [1, 3, SIDE, SIDE])], [_value("dice", FEATURE), _value("bright", FEATURE)])


def head(label: int, *, feature: str = "dice", shape: Sequence[int] = FEATURE, kind: int = TensorProto.FLOAT) -> bytes:
    """Return a head that sees one thing with this label, as surely as the die fell."""
    nodes = [
        _constant("place", np.array([[[8, 12, 16, 20]]], np.float32)),
        _constant("label", np.array([[[label]]], np.float32)),
        helper.make_node("Cast", [feature], ["number"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMax", ["number"], ["most"], keepdims=0),
        _constant("shape", np.array(FEATURE, np.int64)),
        helper.make_node("Reshape", ["most", "shape"], ["score"]),
        helper.make_node("Concat", ["place", "score", "label"], ["o"], axis=2),
    ]
    return _model(nodes, [_value(feature, shape, kind)], [_value("o", [1, 1, 6])])


def blinded() -> bytes:
    """Return a head that sees a bin in pictures up to a middling brightness, and fails in brighter ones."""
    nodes = [
        _constant("rows", np.array([[[8, 12, 16, 20, 0.9, 0]]] * 2, np.float32)),
        _constant("more", np.array([2.5], np.float32)),
        _constant("flat", np.array([1], np.int64)),
        helper.make_node("Reshape", ["bright", "flat"], ["one"]),
        helper.make_node("Mul", ["one", "more"], ["far"]),
        helper.make_node("Cast", ["far"], ["index"], to=TensorProto.INT64),
        helper.make_node("Gather", ["rows", "index"], ["o"], axis=0),
    ]
    return _model(nodes, [_value("bright", FEATURE)], [_value("o", [1, 1, 6])])


def member(name: str, shared: bytes | None = None, **changes: Any) -> Manifest:
    """Return the manifest of an algorithm that is a head over a backbone."""
    words = {"zh": "测试", "en": "Test"}
    planted = {"file": "models/backbone.onnx", "sm3": sm3_hex(shared or backbone()), "ram_mb": 256}
    platform = {"backend": "onnxruntime", "file": "models/head.onnx", "ram_mb": 64, "backbone": planted}
    whole = {
        "apiVersion": "algpkg/1",
        "kind": "algorithm",
        "id": name,
        "version": "1.0.0",
        "name": words,
        "description": words,
        "vendor": {"id": "test", "name": words},
        "runtime": {"platforms": [platform]},
        "input": {"tensor": "images", "size": [SIDE, SIDE]},
        "output": {"decoder": "rows", "tensor": "o"},
        "labels": LABELS,
        "rule": {"kind": "presence"},
        "events": [{"code": f"{name}/bin", "name": words, "when": {"labels": [LABELS[0]]}}],
        "licence": {"software": "Apache-2.0", "weights": "Apache-2.0"},
    }
    return Manifest.model_validate({**whole, **changes})


def write_member(folder: Path, name: str, own: bytes, shared: bytes | None = None, **changes: Any) -> Package:
    """Write the package of an algorithm with its head and the backbone; blocks."""
    parts = {
        "algorithm.yaml": write_manifest(member(name, shared, **changes)).encode(),
        "models/backbone.onnx": shared or backbone(),
        "models/head.onnx": own,
    }
    return write_package(parts, folder / f"{name}-{changes.get('version', '1.0.0')}.algpkg")


def write_bundle(folder: Path, names: Sequence[str], **changes: Any) -> Package:
    """Write a bundle of these algorithms over the planted backbone; blocks."""
    own = {"runtime", "input", "output", "labels", "rule", "events"}
    whole = member("test.bundle").model_dump(mode="json", exclude_defaults=True, exclude=own)
    whole |= {
        "kind": "bundle",
        "members": [{"id": name, "version": "1.0.0"} for name in names],
        "backbone": sm3_hex(backbone()),
    }
    parts = {"algorithm.yaml": write_manifest(Manifest.model_validate({**whole, **changes})).encode()}
    return write_package(parts, folder / "bundle.algpkg")
