"""Plans of TensorRT: what onnxruntime is told of them, and where a box keeps them. No card is used."""

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

from appliance.analysis.engine.devices import CardFails, Device
from appliance.analysis.engine.graphs import model_of
from appliance.analysis.engine.plans import Plans
from appliance.analysis.engine.tensorrt import PROVIDER, load_libraries, provider
from federation.packages.manifest import ModelInput

CARD = Device(kind="cuda", batch=16)


def test_libraries_that_are_not_here_are_named() -> None:
    with pytest.raises(CardFails, match=r"TensorRT cannot be loaded: libnvinfer\.so\.0"):
        load_libraries(["libnvinfer.so.0"])
    with pytest.raises(CardFails, match="TensorRT cannot be loaded"):
        load_libraries(["libc.so.6"])  # loads, and is another


def convolution(batch: int | str, dtype: int = TensorProto.FLOAT, size: int | str = 64) -> bytes:
    pictures = helper.make_tensor_value_info("x", dtype, [batch, 3, size, size])
    found = helper.make_tensor_value_info("o", dtype, None)
    kernel = np.ones((1, 3, 3, 3), np.float16 if dtype == TensorProto.FLOAT16 else np.float32)
    return model_of(
        [helper.make_node("Conv", ["x", "k"], ["o"])], [pictures], [found], [numpy_helper.from_array(kernel, "k")]
    )


@pytest.mark.parametrize(
    ("model", "shapes"),
    [
        (convolution(1), []),
        (convolution("n"), ["x:1x3x64x64", "x:16x3x64x64"]),
        (convolution(1, size="s"), ["x:1x3x64x64", "x:1x3x64x64"]),
    ],
)
def test_a_plan_is_built_for_the_batches_that_a_card_gives_a_model_at_once(model: bytes, shapes: Sequence[str]) -> None:
    name, options = provider(model, ModelInput(tensor="x", size=(64, 64)), CARD, "/plans/p")

    told = [options[key] for key in ("trt_profile_min_shapes", "trt_profile_max_shapes") if key in options]
    assert (name, told) == (PROVIDER, shapes)
    assert (options["trt_engine_cache_enable"], options["trt_engine_cache_path"]) == ("1", "/plans/p")
    assert options["device_id"] == "0"


@pytest.mark.parametrize(("dtype", "half"), [(TensorProto.FLOAT, "0"), (TensorProto.FLOAT16, "1")])
def test_numbers_of_16_bits_are_computed_with_where_the_package_brings_them(dtype: int, half: str) -> None:
    _, options = provider(convolution("n", dtype), ModelInput(tensor="x", size=(64, 64)), CARD, "/plans/p")

    assert options["trt_fp16_enable"] == half


def kept(plans: Plans, network: str, size_bytes: int = 10) -> Path:
    folder = plans.begin(network, "card")
    (folder / "plan.engine").write_bytes(b"x" * size_bytes)
    return plans.keep(folder)


def test_a_plan_is_found_for_its_model_card_and_versions_once_it_is_whole(tmp_path: Path) -> None:
    plans, others = (Plans(folder=tmp_path, versions=name) for name in ("1", "2"))
    plans.begin("unfinished", "card")
    mine = kept(plans, "m")

    assert plans.found("m", "card") == mine
    found = [
        plans.found("m", "other"),
        plans.found("n", "card"),
        plans.found("unfinished", "card"),
        others.found("m", "card"),
    ]
    assert found == [None] * 4
    assert mine.stat().st_mode & 0o077 == 0


def test_what_was_built_for_other_versions_or_not_to_its_end_is_cleared(tmp_path: Path) -> None:
    old, new = (Plans(folder=tmp_path, versions=name) for name in ("1", "2"))
    kept(old, "m")
    new.begin("unfinished", "card")
    mine = kept(new, "m")

    new.clear_stale()

    assert [path for path in tmp_path.rglob("*") if path.is_dir()] == [new.own, mine]


def test_plans_that_were_used_longest_ago_make_room(tmp_path: Path) -> None:
    plans = Plans(folder=tmp_path, versions="1", most_bytes=30)
    for network in ("a", "b", "c"):
        os.utime(kept(plans, network), (ord(network), ord(network)))
    plans.found("a", "card")

    kept(plans, "d")

    assert [bool(plans.found(network, "card")) for network in "abcd"] == [True, False, True, True]
