"""The engine with real processes and planted models."""

import asyncio
import os
import signal
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from appliance.analysis.engine.devices import CPU_ALONG, Device
from appliance.analysis.engine.frame import Dropped
from appliance.analysis.engine.packages import PackageKey, Ready, Unusable
from appliance.analysis.engine.queue import Lane
from federation.messages import Detection
from federation.packages import Manifest
from federation.testing.waiting import until
from tests.appliance.analysis.engine.conftest import ROWS, Pack, Running, one_box, running
from tests.appliance.analysis.test_detector import SIDE, graph, manifest
from tests.appliance.packaging.test_examination import huge

A, B = ("a", "1.0.0"), ("b", "1.0.0")


def labels(seen: tuple[Detection, ...] | Dropped) -> list[str]:
    assert not isinstance(seen, Dropped), seen
    return [item.label for item in seen]


def reason(state: Ready | Unusable) -> str:
    assert isinstance(state, Unusable)
    return state.reason


async def test_packages_that_hold_the_same_model_share_it_and_a_frame_is_computed_once(
    engine: Running, pack: Pack
) -> None:
    other = manifest({**ROWS, "conf": 0.95})
    await engine.holds({A: await pack("a", one_box()), B: await pack("b", one_box(), other)})

    seen = await engine.sees([A, B])

    assert (labels(seen[A]), labels(seen[B])) == (["person"], [])
    (report,) = engine.engine.report().models
    assert (report.pictures, report.packages) == (1, ("a 1.0.0", "b 1.0.0"))
    assert report.memory_mb > 5


async def test_many_heads_over_one_backbone_are_computed_in_one_run(engine: Running, pack: Pack) -> None:
    backbone = graph(o=np.array([[[8, 12, 16, 20, 0.9, 1]]], np.float32), whole=np.array([[4.0, 0.0]], np.float32))
    attribute = manifest({"decoder": "class", "tensor": "whole"})
    await engine.holds({A: await pack("a", backbone), B: await pack("b", backbone, attribute)})

    seen = await engine.sees([A, B])

    assert (labels(seen[A]), labels(seen[B])) == (["person"], ["bin"])
    assert [item.pictures for item in engine.engine.report().models] == [1]


async def test_64_algorithms_work_at_once_and_a_frame_is_computed_once_for_all(engine: Running, pack: Pack) -> None:
    certain = {(f"a{number}", "1.0.0"): (number + 1) / 66 for number in range(64)}
    await engine.holds(
        {key: await pack(key[0], one_box(score=0.9), manifest({**ROWS, "conf": conf})) for key, conf in certain.items()}
    )

    seen = await engine.sees(certain)

    assert {key: labels(found) for key, found in seen.items()} == {
        key: ["person"] if conf < 0.9 else [] for key, conf in certain.items()
    }
    (report,) = engine.engine.report().models
    assert (report.pictures, len(report.packages)) == (1, 64)


async def test_a_model_that_dies_takes_nothing_along_and_comes_back(engine: Running, pack: Pack) -> None:
    await engine.holds({A: await pack("a", one_box()), B: await pack("b", one_box(label=0))})
    pids = {item.packages[0]: item.pid for item in engine.engine.report().models}
    os.kill(pids["a 1.0.0"], signal.SIGKILL)

    lost = (await engine.sees([A]))[A]
    other = (await engine.sees([B]))[B]

    assert isinstance(lost, Dropped)
    assert lost.detail.startswith("model_crashed")
    assert labels(other) == ["bin"]

    async def back() -> bool:
        return not isinstance((await engine.sees([A]))[A], Dropped)

    await until(back, within_s=90, what="the model at work again")
    assert sorted(item.restarts for item in engine.engine.report().models) == [0, 1]


async def test_a_package_whose_model_is_not_as_declared_is_unusable_and_says_why(engine: Running, pack: Pack) -> None:
    broken = {A: await pack("a", graph(other=np.zeros((1, 1, 6), np.float32))), B: await pack("b", b"no model at all")}

    found = await engine.holds(broken)

    assert "outputs ['other']" in reason(found[A])
    assert all(reason(item).startswith("package_unusable") for item in found.values())
    assert engine.engine.report().models == ()


async def test_a_model_that_asks_for_80_gb_is_refused_its_memory(engine: Running, pack: Pack) -> None:
    found = await engine.holds({A: await pack("a", huge()), B: await pack("b", one_box())})

    assert reason(found[A]).startswith("memory_short")
    assert labels((await engine.sees([B]))[B]) == ["person"]


def hungry(numbers: float = 1.6e10) -> bytes:
    """Return a model that sees one thing, and asks for memory for a quarter of so many numbers at a bright spot."""
    constants = {
        "row": np.array([[[8, 12, 16, 20, 0.9, 1]]], np.float32),
        "usual": np.array(0.75, np.float32),
        "much": np.array(numbers, np.float32),
        "one": np.array([1], np.int64),
    }
    nodes = [
        *(
            helper.make_node("Constant", [], [name], value=numpy_helper.from_array(constants[name]))
            for name in constants
        ),
        helper.make_node("ReduceMax", ["images"], ["brightest"], keepdims=0),
        helper.make_node("Sub", ["brightest", "usual"], ["beyond"]),
        helper.make_node("Relu", ["beyond"], ["unusual"]),
        helper.make_node("Mul", ["unusual", "much"], ["wanted"]),
        helper.make_node("Cast", ["wanted"], ["count"], to=TensorProto.INT64),
        helper.make_node("Add", ["count", "one"], ["shape"]),
        helper.make_node("ConstantOfShape", ["shape"], ["all"]),
        helper.make_node("ReduceMax", ["all"], ["zero"], keepdims=0),
        helper.make_node("Add", ["row", "zero"], ["o"]),
    ]
    entry = helper.make_tensor_value_info("images", TensorProto.FLOAT, [1, 3, SIDE, SIDE])
    result = helper.make_tensor_value_info("o", TensorProto.FLOAT, [1, 1, 6])
    made = helper.make_graph(nodes, "hungry", [entry], [result])
    model = helper.make_model(made, opset_imports=[helper.make_opsetid("", 17)], ir_version=10)
    return bytes(model.SerializeToString())


async def test_a_picture_at_which_a_model_outgrows_its_memory_costs_this_picture_of_this_model_alone(
    engine: Running, pack: Pack
) -> None:
    dark, bright = (np.full((360, 720, 3), level, np.uint8) for level in (0, 255))
    await engine.holds({A: await pack("a", hungry()), B: await pack("b", one_box())})

    at_it = await engine.sees([A, B], bright)
    after = await engine.sees([A, B], dark, source="another")

    refused = at_it[A]
    assert isinstance(refused, Dropped)
    assert "memory" in refused.detail
    assert [labels(at_it[B]), labels(after[A]), labels(after[B])] == [["person"]] * 3


async def test_of_pictures_that_a_worker_took_along_one_that_fails_costs_no_other(pack: Pack) -> None:
    dark, bright = (np.full((360, 720, 3), level, np.uint8) for level in (0, 255))
    async with running(devices=(Device(kind="cpu", workers=1),)) as engine:
        await engine.holds({A: await pack("a", hungry())})
        await engine.sees([A], dark)

        found = await seen_at_once(engine, [A], [bright if number == 4 else dark for number in range(12)])

        (report,) = engine.engine.report().models
        assert [number for number, seen in enumerate(found) if isinstance(seen[A], Dropped)] == [4]
        assert report.batch_most == CPU_ALONG
        assert report.batch_mean > 1
        assert (report.pictures, report.restarts) == (12, 0)


def widening() -> bytes:
    """Return a model whose rows have two columns too many at a bright spot, and a class of the whole picture."""
    constants = {
        "row": np.array([[[8, 12, 16, 20, 0.9, 1]]], np.float32),
        "usual": np.array(0.5, np.float32),
        "much": np.array(4, np.float32),
        "before": np.zeros(5, np.int64),
        "whole": np.array([[4.0, 0.0]], np.float32),
        "shape": np.array([1], np.int64),
    }
    nodes = [
        *(
            helper.make_node("Constant", [], [name], value=numpy_helper.from_array(value))
            for name, value in constants.items()
        ),
        helper.make_node("ReduceMax", ["images"], ["brightest"], keepdims=0),
        helper.make_node("Sub", ["brightest", "usual"], ["beyond"]),
        helper.make_node("Relu", ["beyond"], ["unusual"]),
        helper.make_node("Mul", ["unusual", "much"], ["wanted"]),
        helper.make_node("Cast", ["wanted"], ["count"], to=TensorProto.INT64),
        helper.make_node("Reshape", ["count", "shape"], ["more"]),
        helper.make_node("Concat", ["before", "more"], ["pads"], axis=0),
        helper.make_node("Pad", ["row", "pads"], ["o"]),
    ]
    entry = helper.make_tensor_value_info("images", TensorProto.FLOAT, [1, 3, SIDE, SIDE])
    results = [
        helper.make_tensor_value_info("o", TensorProto.FLOAT, [1, 1, "columns"]),
        helper.make_tensor_value_info("whole", TensorProto.FLOAT, [1, 2]),
    ]
    made = helper.make_graph(nodes, "widening", [entry], results)
    model = helper.make_model(made, opset_imports=[helper.make_opsetid("", 17)], ir_version=10)
    return bytes(model.SerializeToString())


async def test_of_pictures_that_a_worker_took_along_one_that_an_algorithm_cannot_read_costs_this_algorithm_it_alone(
    pack: Pack,
) -> None:
    dark, bright = (np.full((360, 720, 3), level, np.uint8) for level in (0, 255))
    attribute = manifest({"decoder": "class", "tensor": "whole"})
    async with running(devices=(Device(kind="cpu", workers=1),)) as engine:
        await engine.holds({A: await pack("a", widening()), B: await pack("b", widening(), attribute)})
        await engine.sees([A, B], dark)

        found = await seen_at_once(engine, [A, B], [bright if number == 4 else dark for number in range(12)])

        assert [number for number, seen in enumerate(found) if isinstance(seen[A], Dropped)] == [4]
        assert [labels(seen[B]) for seen in found] == [["bin"]] * 12
        assert engine.engine.report().models[0].batch_mean > 1


async def seen_at_once(
    engine: Running, packages: list[PackageKey], pictures: list[NDArray[np.uint8]]
) -> list[dict[PackageKey, tuple[Detection, ...] | Dropped]]:
    """Show a picture of as many cameras at once; return what was seen in each."""
    async with asyncio.TaskGroup() as group:
        cameras = [
            group.create_task(engine.sees(packages, picture, source=f"camera{number}", lane=Lane.STREAM))
            for number, picture in enumerate(pictures)
        ]
    return [camera.result() for camera in cameras]


async def test_a_model_that_keeps_more_than_its_package_declares_is_ended_alone_and_comes_back(
    engine: Running, pack: Pack
) -> None:
    bright = np.full((360, 720, 3), 255, np.uint8)
    growing = hungry(numbers=3e8)  # 300 MB that onnxruntime keeps for the next picture
    await engine.holds({A: await pack("a", growing, demanding(64)), B: await pack("b", one_box())})
    others: list[tuple[Detection, ...] | Dropped] = []

    async def ended() -> bool:
        others.append((await engine.sees([A, B], bright))[B])
        return any(item.restarts for item in engine.engine.report().models)

    await until(ended, within_s=90, what="the end of the process that has grown")
    grown = next(item for item in engine.engine.report().models if item.packages == ("a 1.0.0",))

    async def back() -> bool:
        return not isinstance((await engine.sees([A]))[A], Dropped)

    assert "declared are 64" in grown.reason
    assert {tuple(labels(found)) for found in others} == {("person",)}
    await until(back, within_s=90, what="the model at work again")


def demanding(ram_mb: int) -> Manifest:
    declared: dict[str, Any] = manifest(ROWS).model_dump(mode="json", exclude_defaults=True)
    declared["runtime"]["platforms"][0]["ram_mb"] = ram_mb
    return Manifest.model_validate(declared)


async def test_a_model_for_which_there_is_no_room_waits_until_others_leave(pack: Pack) -> None:
    first, second = await pack("a", one_box(), demanding(500)), await pack("b", one_box(label=0), demanding(1000))
    async with running(memory_mb=1000) as engine:
        both = await engine.holds({A: first, B: second})
        alone = await engine.holds({B: second})
        loaded = engine.engine.report().models

    assert isinstance(both[A], Ready)
    assert reason(both[B]).startswith("memory_short: the model declares 1000 MB")
    assert isinstance(alone[B], Ready)
    assert [item.packages for item in loaded] == [("b 1.0.0",)]  # the idle one made room


STAGE: dict[str, object] = {
    "file": "models/second.onnx",
    "on": ["person"],
    "input": {"tensor": "images", "size": [32, 32]},
    "output": {"decoder": "class", "tensor": "o"},
    "labels": ["helmet", "no_helmet"],
}


def brightness() -> bytes:
    """Return a classifier that says `helmet` of bright pictures and `no_helmet` of dark ones."""
    image = helper.make_tensor_value_info("images", TensorProto.FLOAT, [1, 3, 32, 32])
    result = helper.make_tensor_value_info("o", TensorProto.FLOAT, [1, 2])
    weight = helper.make_tensor("w", TensorProto.FLOAT, [1, 2], [20.0, -20.0])
    bias = helper.make_tensor("b", TensorProto.FLOAT, [1, 2], [-10.0, 10.0])
    axes = {"axes": [1, 2, 3], "keepdims": 0}
    nodes = [
        helper.make_node("ReduceMean", ["images"], ["mean"], **axes),
        helper.make_node("Constant", [], ["minus"], value=helper.make_tensor("m", TensorProto.INT64, [2], [1, 1])),
        helper.make_node("Reshape", ["mean", "minus"], ["column"]),
        helper.make_node("Constant", [], ["w"], value=weight),
        helper.make_node("Constant", [], ["b"], value=bias),
        helper.make_node("Mul", ["column", "w"], ["scaled"]),
        helper.make_node("Add", ["scaled", "b"], ["o"]),
    ]
    opset = [helper.make_opsetid("", 17)]
    graph_ = helper.make_graph(nodes, "brightness", [image], [result])
    model = helper.make_model(graph_, opset_imports=opset, ir_version=10)
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())


async def test_a_second_model_looks_at_the_boxes_of_the_first(engine: Running, pack: Pack) -> None:
    declared = Manifest.model_validate(
        {**manifest(ROWS).model_dump(mode="json", exclude_defaults=True), "stages": [STAGE]}
    )
    rows = np.array([[[0, 8, 14, 24, 0.9, 1], [18, 8, 32, 24, 0.8, 1], [0, 8, 14, 24, 0.7, 0]]], np.float32)
    await engine.holds({A: await pack("a", graph(o=rows), declared, second=brightness())})
    picture = np.full((16, 32, 3), 255, np.uint8)
    picture[:, 16:] = 0

    seen = (await engine.sees([A], picture))[A]

    assert labels(seen) == ["person", "person", "bin", "helmet", "no_helmet"]
    assert not isinstance(seen, Dropped)
    assert [seen[3].box, seen[4].box] == [seen[0].box, seen[1].box]


async def test_a_second_model_looks_at_the_surest_of_many_things(engine: Running, pack: Pack) -> None:
    declared = Manifest.model_validate(
        {**manifest(ROWS).model_dump(mode="json", exclude_defaults=True), "stages": [{**STAGE, "most": 2}]}
    )
    rows = np.array([[[0, 8, 8, 24, 0.7, 1], [10, 8, 18, 24, 0.9, 1], [20, 8, 28, 24, 0.8, 1]]], np.float32)
    await engine.holds({A: await pack("a", graph(o=rows), declared, second=brightness())})

    seen = (await engine.sees([A], np.full((16, 32, 3), 255, np.uint8)))[A]

    assert labels(seen) == ["person"] * 3 + ["helmet"] * 2
    assert not isinstance(seen, Dropped)
    assert [item.box for item in seen[3:]] == [item.box for item in seen[:2]]
    assert [item.score for item in seen[:2]] == [0.9, 0.8]
