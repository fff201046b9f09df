"""What the bench is given and makes of it: real footage and a real detector, planted models, packages of both."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from appliance.analysis.finding import Picture
from appliance.packaging.coco import LABELS
from federation.packages import Manifest, Package, write_manifest, write_package

CONF = 0.35
SIDE = 64


@dataclass(frozen=True, kw_only=True)
class Material:
    """A detector's package, and pictures of a street."""

    package: Package
    film: Path

    def pictures(self, most: int | None = None) -> list[Picture]:
        """Return the pictures of the film in order."""
        video = cv2.VideoCapture(str(self.film))
        found: list[Picture] = []
        done, picture = video.read()
        while done and (most is None or len(found) < most):
            found.append(np.asarray(picture, np.uint8))
            done, picture = video.read()
        video.release()
        return found


def given(data: Path, folder: Path) -> Material | None:
    """Return what lies in the folder of real footage, None if it is not there."""
    model, film = data / "models" / "yolox_nano.onnx", data / "footage" / "vtest.avi"
    if not model.is_file() or not film.is_file():
        return None
    manifest = declared(
        "bench.yolox",
        LABELS,
        {"tensor": "images", "size": [416, 416], "color": "BGR", "scale": 1.0, "anchor": "topleft"},
        {"decoder": "dense", "tensor": "output", "objectness": True, "grid": [8, 16, 32], "conf": CONF},
    )
    parts = {"algorithm.yaml": write_manifest(manifest).encode(), "models/m.onnx": model.read_bytes()}
    return Material(package=write_package(parts, folder / "yolox.algpkg"), film=film)


def small_package(folder: Path, number: int) -> Package:
    """Return a package with a model of its own: one convolution, and a box that it always sees."""
    manifest = planted_manifest(f"bench.small{number}", SIDE)
    parts = {"algorithm.yaml": write_manifest(manifest).encode(), "models/m.onnx": _small_model(number)}
    return write_package(parts, folder / f"small{number}.algpkg")


def planted_manifest(name: str, side: int) -> Manifest:
    """Return the manifest of a planted model whose picture is a square of `side` px."""
    entry, output = {"tensor": "images", "size": [side, side]}, {"decoder": "rows", "tensor": "o"}
    return declared(name, ("thing",), entry, output)


def _small_model(number: int) -> bytes:
    image = helper.make_tensor_value_info("images", TensorProto.FLOAT, [1, 3, SIDE, SIDE])
    result = helper.make_tensor_value_info("o", TensorProto.FLOAT, [1, 1, 6])
    dice = np.random.default_rng(number)
    kernel: NDArray[Any] = dice.normal(0, 0.1, (32, 3, 3, 3)).astype(np.float32)
    row = np.array([[[8, 8, 40, 40, 0.9, 0]]], np.float32)
    nodes = [
        helper.make_node("Conv", ["images", "kernel"], ["maps"], pads=[1, 1, 1, 1]),
        helper.make_node("ReduceMean", ["maps"], ["mean"], axes=[0, 1, 2, 3], keepdims=0),
        helper.make_node("Mul", ["mean", "nothing"], ["zero"]),
        helper.make_node("Add", ["row", "zero"], ["o"]),
    ]
    weights = [
        numpy_helper.from_array(kernel, "kernel"),
        numpy_helper.from_array(row, "row"),
        numpy_helper.from_array(np.array(0, np.float32), "nothing"),
    ]
    graph = helper.make_graph(nodes, "small", [image], [result], weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=10)
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())


def declared(
    name: str, labels: tuple[str, ...], entry: dict[str, Any], output: dict[str, Any], *, ram_mb: int = 1024
) -> Manifest:
    """Return the manifest of a detector whose model is `models/m.onnx`."""
    words = {"zh": "测量", "en": "Bench"}
    return Manifest.model_validate(
        {
            "apiVersion": "algpkg/1",
            "kind": "algorithm",
            "id": name,
            "version": "1.0.0",
            "name": words,
            "description": words,
            "vendor": {"id": "bench", "name": words},
            "runtime": {"platforms": [{"backend": "onnxruntime", "file": "models/m.onnx", "ram_mb": ram_mb}]},
            "input": entry,
            "output": output,
            "labels": labels,
            "rule": {"kind": "presence"},
            "events": [{"code": f"{name}/seen", "name": words, "when": {"labels": [labels[0]]}}],
            "licence": {"software": "NOASSERTION"},
        }
    )
