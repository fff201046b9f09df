"""The catalogue of city algorithms in the hub: none works without a model; a bound one is an algorithm like others."""

import asyncio
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
from onnx import TensorProto, helper, numpy_helper

from federation.packages import Manifest, write_manifest, write_package
from federation.packages.templates import templates

OCTETS = {"Content-Type": "application/octet-stream"}
TEXT = {"zh": "模型", "en": "Model"}


def model() -> bytes:
    """Return a detector that sees the same car in every picture."""
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


def detector(folder: Path) -> bytes:
    manifest = Manifest.model_validate(
        {
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
            "labels": ["person", "car"],
            "rule": {"kind": "presence"},
            "events": [{"code": "example.detector/car", "name": TEXT, "when": {"labels": ["car"]}}],
            "licence": {"software": "MIT", "weights": "MIT"},
        }
    )
    parts = {"algorithm.yaml": write_manifest(manifest).encode(), "models/m.onnx": model()}
    return write_package(parts, folder / "d.algpkg").path.read_bytes()


async def catalogue(hub: Any) -> dict[str, Any]:
    shown = (await hub.console.get("/api/v1/algorithm-templates")).raise_for_status().json()
    return {item["slug"]: item for item in shown}


async def bind(hub: Any, slug: str, algorithm_id: str) -> Any:
    return await hub.console.post(f"/api/v1/algorithm-templates/{slug}/bindings", json={"algorithm_id": algorithm_id})


async def test_without_models_only_what_the_product_does_itself_is_bound(hub: Any) -> None:
    shown = await catalogue(hub)

    assert list(shown) == list(templates())
    assert Counter(item["state"] for item in shown.values())["bindable"] == 0
    assert shown["area_intrusion"]["bound"]["algorithm_id"] == "fengsui.area_intrusion"
    assert (shown["manhole_fault"]["state"], shown["manhole_fault"]["bound"]) == ("no_model", None)


async def test_a_template_is_bound_to_a_model_that_knows_its_classes_and_to_no_other(hub: Any, tmp_path: Path) -> None:
    content = await asyncio.to_thread(detector, tmp_path)
    answer = await hub.console.post("/api/v1/algorithms", content=content, headers=OCTETS, timeout=120)
    answer.raise_for_status()
    before = (await catalogue(hub))["illegal_parking"]

    made = (await bind(hub, "illegal_parking", "example.detector")).raise_for_status().json()

    after = await catalogue(hub)
    assert (before["state"], [item["algorithm_id"] for item in before["candidates"]]) == (
        "bindable",
        ["example.detector"],
    )
    assert [item["name"] for item in before["candidates"][0]["lacks"]] == ["truck", "bus", "van"]
    assert (made["id"], made["version"], made["rule_kind"], made["on_shelf"]) == (
        "city.illegal_parking",
        "1.0.0",
        "stopped",
        True,
    )
    assert [event["code"] for event in made["events"]] == ["street_order/illegal_parking/car"]
    assert after["illegal_parking"]["bound"]["version"] == "1.0.0"
    assert after["manhole_fault"]["state"] == "no_model"
    refused = [await bind(hub, "manhole_fault", "example.detector"), await bind(hub, "no_such", "example.detector")]
    assert [(item.status_code, item.json()["code"]) for item in refused] == [(422, "cannot_bind"), (404, "not_found")]


async def test_a_viewer_binds_nothing(hub: Any) -> None:
    async with hub.signed_in("viewer") as viewer:
        answer = await viewer.post("/api/v1/algorithm-templates/ship/bindings", json={"algorithm_id": "x"})

    assert answer.status_code == 403
