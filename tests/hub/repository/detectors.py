"""Packages of detectors that see one thing in every picture: what counts is which labels they know."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from onnx import TensorProto, helper, numpy_helper

from federation.crypto import SigningKey
from federation.packages import Manifest, open_package, write_manifest, write_package
from federation.packages.signatures import sign_package

TEXT = {"zh": "模型", "en": "Model"}
COCO = """person|bicycle|car|motorcycle|airplane|bus|train|truck|boat|traffic light|fire hydrant|stop sign|parking meter
bench|bird|cat|dog|horse|sheep|cow|elephant|bear|zebra|giraffe|backpack|umbrella|handbag|tie|suitcase|frisbee|skis
snowboard|sports ball|kite|baseball bat|baseball glove|skateboard|surfboard|tennis racket|bottle|wine glass|cup|fork
knife|spoon|bowl|banana|apple|sandwich|orange|broccoli|carrot|hot dog|pizza|donut|cake|chair|couch|potted plant|bed
dining table|toilet|tv|laptop|mouse|remote|keyboard|cell phone|microwave|oven|toaster|sink|refrigerator|book|clock|vase
scissors|teddy bear|hair drier|toothbrush""".replace("\n", "|").split("|")
"""The 80 classes of COCO, as detectors trained on it call them."""


def model() -> bytes:
    """Return a detector that sees the same thing, of its second class, in every picture."""
    row = numpy_helper.from_array(np.array([[[8, 8, 24, 24, 0.9, 1]]], np.float32))
    nodes = [
        helper.make_node("Constant", [], ["row"], value=row),
        helper.make_node("ReduceMax", ["images"], ["most"], keepdims=0),
        helper.make_node("Sub", ["most", "most"], ["none"]),
        helper.make_node("Add", ["row", "none"], ["o"]),
    ]
    entry = helper.make_tensor_value_info("images", TensorProto.FLOAT, [1, 3, 32, 32])
    result = helper.make_tensor_value_info("o", TensorProto.FLOAT, [1, 1, 6])
    graph = helper.make_graph(nodes, "m", [entry], [result])
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=10)
    return bytes(made.SerializeToString())


def detector(folder: Path, labels: Sequence[str] = ("person", "car"), **changes: Any) -> bytes:
    """Return a package with the model, whose first class is an event, and files by their path in `files`."""
    files: dict[str, bytes] = changes.pop("files", {})
    whole = {
        "apiVersion": "algpkg/1",
        "kind": "algorithm",
        "id": "example.detector",
        "version": "2.0.0",
        "name": TEXT,
        "description": TEXT,
        "vendor": {"id": "example", "name": TEXT},
        "runtime": {"platforms": [{"backend": "onnxruntime", "file": "models/m.onnx"}]},
        "input": {"tensor": "images", "size": [32, 32]},
        "output": {"decoder": "rows", "tensor": "o"},
        "labels": list(labels),
        "rule": {"kind": "presence"},
        "licence": {"software": "MIT", "weights": "MIT"},
        **changes,
    }
    whole.setdefault("events", [{"code": f"{whole['id']}/seen", "name": TEXT, "when": {"labels": [labels[0]]}}])
    manifest = Manifest.model_validate(whole)
    parts = {"algorithm.yaml": write_manifest(manifest).encode(), "models/m.onnx": model(), **files}
    return write_package(parts, folder / f"{manifest.id}-{manifest.version}.algpkg").path.read_bytes()


def signed_detector(folder: Path, key: SigningKey, **changes: Any) -> bytes:
    """Return the package signed by its vendor."""
    file = folder / "signed.algpkg"
    file.write_bytes(detector(folder, **changes))
    return sign_package(open_package(file), key).path.read_bytes()
