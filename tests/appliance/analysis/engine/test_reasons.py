"""Why a package cannot be used here: what the engine says in practice is known to the pages that say it in Chinese."""

import asyncio
import json
import os
import re
import shutil
import signal
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

import federation
from appliance.analysis.engine.packages import Unusable
from federation.packages import Manifest
from tests.appliance.analysis.engine.conftest import ROWS, Pack, Running, one_box, running
from tests.appliance.analysis.engine.test_engine import demanding
from tests.appliance.analysis.engine.test_loading import Watched
from tests.appliance.analysis.test_detector import graph, manifest
from tests.appliance.packaging.test_examination import endless, huge, model, stranger

A = ("a", "1.0.0")
DETAILS = json.loads(
    (Path(federation.__file__).parent / "webkit/kit/src/engine/details.json").read_text(encoding="utf-8")
)


def known(reason: str) -> tuple[str, dict[str, str]]:
    """Return what the pages know a reason by, and the values that they put into its sentence."""
    for each in DETAILS:
        found = re.search(each["pattern"], reason)
        if found:
            return each["name"], dict(zip(each["values"], found.groups(), strict=True))
    return "", {"reason": reason}


def newer(**changes: int) -> bytes:
    """Return a model that says it is of a later time."""
    loaded = onnx.load_model_from_string(one_box())
    loaded.ir_version = changes.get("ir", loaded.ir_version)
    loaded.opset_import[0].version = changes.get("opset", loaded.opset_import[0].version)
    return bytes(loaded.SerializeToString())


def declaring(**changes: Any) -> Manifest:
    """Return the usual manifest, otherwise in these parts."""
    return Manifest.model_validate({**manifest(ROWS).model_dump(mode="json", exclude_defaults=True), **changes})


ELSEWHERE = {"backend": "onnxruntime", "platform": "cuda", "file": "models/m.onnx"}
ROW = np.array([[[8, 12, 16, 20, 0.9, 1]]], np.float32)


@pytest.mark.parametrize(
    ("content", "declared", "name", "values"),
    [
        (b"no model at all", None, "no_onnx", {}),
        (one_box()[:60], None, "no_onnx", {}),
        (huge(), None, "outgrew_declared", {}),
        (graph(other=ROW), None, "no_output", {"outputs": "'other'", "wanted": "'o'"}),
        (graph(wants_size=True, o=ROW), None, "other_inputs", {"inputs": "'images', 'orig_target_sizes'"}),
        (graph(o=ROW[:, :, :5]), None, "columns", {"columns": "5"}),
        (
            graph(o=ROW),
            manifest({"decoder": "dense", "tensor": "o"}, labels=("a", "b", "c")),
            "channels",
            {"channels": "6"},
        ),
        (graph(o=ROW[0]), manifest({"decoder": "class", "tensor": "o"}), "scores", {"scores": "6", "labels": "2"}),
        (one_box(), manifest(ROWS, size=[32, 64]), "other_input", {"input": "images", "shape": "[1, 3, 32, 32]"}),
        (stranger(), None, "operator_alone", {"operator": "evil:Steal"}),
        (model([onnx.helper.make_node("Foo", ["images"], ["o"])], [1, 1, 6]), None, "operator", {"operator": "Foo"}),
        (newer(opset=99), None, "new_opset", {"opset": "99"}),
        (newer(ir=99), None, "new_ir", {"version": "99"}),
    ],
)
async def test_what_is_wrong_with_a_package_is_known_to_the_pages(
    engine: Running, pack: Pack, content: bytes, declared: Manifest | None, name: str, values: dict[str, str]
) -> None:
    state = (await engine.holds({A: await pack("a", content, declared)}))[A]

    assert isinstance(state, Unusable)
    found, told = known(state.reason)
    assert (found, told | values) == (name, told), state.reason


async def test_what_is_wrong_with_the_file_of_a_package_is_known_too(
    engine: Running, pack: Pack, tmp_path: Path
) -> None:
    whole = await pack("whole", one_box())
    broken = tmp_path / "broken.algpkg"
    await asyncio.to_thread(shutil.copyfile, whole, broken)
    await asyncio.to_thread(os.truncate, broken, broken.stat().st_size - 40)
    other = await pack("other", one_box(), declaring(runtime={"platforms": [ELSEWHERE]}))
    paths = {("broken", "1.0.0"): broken, ("gone", "1.0.0"): tmp_path / "gone.algpkg", ("other", "1.0.0"): other}

    found = await engine.holds(paths)

    names = {key[0]: known(state.reason)[0] for key, state in found.items() if isinstance(state, Unusable)}
    assert names == {"broken": "damaged", "gone": "unreadable", "other": "no_platform"}


async def test_what_becomes_of_a_models_process_is_known_too(pack: Pack) -> None:
    hosts = Watched(load_within_s=1.0)
    async with running(memory_mb=500, hosts=hosts) as engine:
        large, hanging = await pack("large", one_box(), demanding(700)), await pack("hanging", endless(), demanding(64))
        paths = {("large", "1.0.0"): large, ("hanging", "1.0.0"): hanging, A: await pack("a", one_box(), demanding(64))}
        found = await engine.holds(paths)
        (report,) = engine.engine.report().models
        os.kill(report.pid, signal.SIGKILL)
        await engine.sees([A])
        (lost,) = engine.engine.report().models

        refused = {key[0]: known(state.reason) for key, state in found.items() if isinstance(state, Unusable)}
        assert refused == {
            "large": ("too_large", {"needed": "700", "free": refused["large"][1]["free"]}),
            "hanging": ("no_answer", {"seconds": "1"}),
        }
        assert known(lost.reason)[0] in {"killed", "ended"}
