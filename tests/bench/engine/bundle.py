"""Several algorithms as a bundle over one backbone, against as many packages that each hold all of it."""

import asyncio
import tempfile
import time
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from appliance.analysis.engine.engine import Engine
from appliance.analysis.engine.packages import PackageKey
from federation.crypto import sm3_hex
from federation.packages import Manifest, write_manifest, write_package
from hil_tests.chaos.processes import cost_of
from tests.bench.engine.material import Material, planted_manifest
from tests.bench.engine.working import CORES, seen, working

ALGORITHMS = 6
ROUNDS = 3
SIDE = 192
CHANNELS = (3, 32, 64, 64, 96, 96, 128)
STREET = np.full((576, 768, 3), 128, np.uint8)

Packages = Mapping[PackageKey, Path]


async def measure(_material: Material | None, seconds: float) -> dict[str, Any]:
    """Return pictures per second, and CPU time of a picture, that all algorithms judge: in both ways, in turns."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        together, apart = await asyncio.to_thread(_written, folder)
        counts, cpu_s = {"bundle": 0, "apart": 0}, {"bundle": 0.0, "apart": 0.0}
        async with working({**together, **apart}) as engine:
            for _ in range(ROUNDS):
                for way, packages in (("bundle", together), ("apart", apart)):
                    spent_s = _cpu_s(engine)
                    counts[way] += await _judged(engine, packages, seconds / 2 / ROUNDS)
                    cpu_s[way] += _cpu_s(engine) - spent_s
            models = engine.report().models
    shared = next(model for model in models if len(model.packages) > 1)
    heads = [part.runs for part in shared.parts if part.role == "head"]
    backbone = next(part for part in shared.parts if part.role == "backbone")
    per_s = {way: count / (seconds / 2) for way, count in counts.items()}
    cpu_ms = {way: 1000 * cpu_s[way] / counts[way] for way in counts}
    return {
        "algorithms": ALGORITHMS,
        "bundle_per_s": round(per_s["bundle"], 2),
        "apart_per_s": round(per_s["apart"], 2),
        "gain": round(per_s["bundle"] / per_s["apart"], 2),
        "bundle_cpu_ms": round(cpu_ms["bundle"], 1),
        "apart_cpu_ms": round(cpu_ms["apart"], 1),
        "cpu_gain": round(cpu_ms["apart"] / cpu_ms["bundle"], 2),
        "backbone_ms": backbone.ms_per_run,
        "head_runs_per_backbone_run": round(sum(heads) / backbone.runs, 2),
        "bundle_memory_mb": shared.memory_mb,
        "apart_memory_mb": round(sum(model.memory_mb for model in models) - shared.memory_mb, 1),
    }


async def _judged(engine: Engine, packages: Packages, span_s: float) -> int:
    """Let some sources send their next picture when the last is done; return how many all algorithms judged."""
    until_s, done = time.perf_counter() + span_s, 0

    async def source(name: str) -> None:
        nonlocal done
        while time.perf_counter() < until_s:
            done += len(await seen(engine, name, STREET, list(packages))) == len(packages)

    async with asyncio.TaskGroup() as group:
        for number in range(2 * CORES):
            group.create_task(source(f"camera{number}"))
    return done


def _cpu_s(engine: Engine) -> float:
    return time.process_time() + sum(cost_of(model.pid).cpu_s for model in engine.report().models)


def _written(folder: Path) -> tuple[Packages, Packages]:
    """Write every algorithm twice: as a head over the backbone, and as a whole model."""
    together: dict[PackageKey, Path] = {}
    apart: dict[PackageKey, Path] = {}
    for number in range(ALGORITHMS):
        for kind, packages in (("head", together), ("whole", apart)):
            name = f"bench.{kind}{number}"
            packages[name, "1.0.0"] = _package(folder / f"{name}.algpkg", name, number, shared=kind == "head")
    return together, apart


def _package(path: Path, name: str, number: int, *, shared: bool) -> Path:
    declared = planted_manifest(name, SIDE)
    if not shared:
        parts = {"algorithm.yaml": write_manifest(declared).encode(), "models/m.onnx": _model(_trunk(), _head(number))}
        return write_package(parts, path).path
    backbone = _model(_trunk())
    whole = declared.model_dump(mode="json", exclude_defaults=True)
    whole["runtime"]["platforms"][0]["backbone"] = {"file": "models/b.onnx", "sm3": sm3_hex(backbone)}
    parts = {
        "algorithm.yaml": write_manifest(Manifest.model_validate(whole)).encode(),
        "models/b.onnx": backbone,
        "models/m.onnx": _model(_head(number)),
    }
    return write_package(parts, path).path


def _trunk() -> Any:
    """Return a graph of strided convolutions from a picture to a map of features."""
    dice = np.random.default_rng(1)
    nodes, weights, side = [], [], SIDE
    for layer, (before, after) in enumerate(pairwise(CHANNELS)):
        stride = 2 if layer % 2 == 0 else 1
        side //= stride
        kernel = dice.normal(0, 0.05, (after, before, 3, 3)).astype(np.float32)
        weights.append(numpy_helper.from_array(kernel, f"kernel{layer}"))
        given = "images" if layer == 0 else f"relu{layer - 1}"
        maps, relu = f"maps{layer}", "features" if layer == len(CHANNELS) - 2 else f"relu{layer}"
        nodes.append(helper.make_node("Conv", [given, f"kernel{layer}"], [maps], pads=[1] * 4, strides=[stride] * 2))
        nodes.append(helper.make_node("Relu", [maps], [relu]))
    image = helper.make_tensor_value_info("images", TensorProto.FLOAT, [1, 3, SIDE, SIDE])
    features = helper.make_tensor_value_info("features", TensorProto.FLOAT, [1, CHANNELS[-1], side, side])
    return helper.make_graph(nodes, "trunk", [image], [features], weights)


def _head(number: int) -> Any:
    """Return a graph from the map of features to a box: one convolution, and a row that is always there."""
    side = SIDE // 2 ** len(range(0, len(CHANNELS) - 1, 2))
    kernel = np.random.default_rng(number).normal(0, 0.05, (8, CHANNELS[-1], 1, 1)).astype(np.float32)
    row = np.array([[[8, 8, 40, 40, 0.9, 0]]], np.float32)
    nodes = [
        helper.make_node("Conv", ["features", "head_kernel"], ["head_maps"]),
        helper.make_node("ReduceMean", ["head_maps"], ["mean"], axes=[0, 1, 2, 3], keepdims=0),
        helper.make_node("Mul", ["mean", "nothing"], ["zero"]),
        helper.make_node("Add", ["row", "zero"], ["o"]),
    ]
    weights = [
        numpy_helper.from_array(kernel, "head_kernel"),
        numpy_helper.from_array(row, "row"),
        numpy_helper.from_array(np.array(0, np.float32), "nothing"),
    ]
    features = helper.make_tensor_value_info("features", TensorProto.FLOAT, [1, CHANNELS[-1], side, side])
    result = helper.make_tensor_value_info("o", TensorProto.FLOAT, [1, 1, 6])
    return helper.make_graph(nodes, "head", [features], [result], weights)


def _model(*graphs: Any) -> bytes:
    """Return these graphs, each fed by the one before, as one model."""
    joined = helper.make_graph(
        [node for graph in graphs for node in graph.node],
        "bench",
        list(graphs[0].input),
        list(graphs[-1].output),
        [weight for graph in graphs for weight in graph.initializer],
    )
    model = helper.make_model(joined, opset_imports=[helper.make_opsetid("", 17)], ir_version=10)
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())
