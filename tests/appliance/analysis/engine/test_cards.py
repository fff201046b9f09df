"""Cards: the way of pictures into a model there, and what becomes of a box whose card does not work."""

import itertools
from typing import Any

import numpy as np
import onnxruntime as ort
import pytest

from appliance.analysis.engine.cards import Card, cards_here, devices_here, fault_of
from appliance.analysis.engine.devices import GPU_BATCH, Device
from appliance.analysis.engine.entry import CANVASES, entry_graph
from appliance.analysis.engine.host import Host
from appliance.analysis.preprocessing import tensor_of
from federation.packages.manifest import ModelInput

CARD = Device(kind="cuda", workers=2, batch=GPU_BATCH)
SHIFTED = {"mean": (0.1, 0.2, 0.3), "std": (0.5, 0.6, 0.7)}


def card(index: int) -> Card:
    return Card(index=index, name="planted", memory_mb=1000, used_mb=0, busy_percent=0)


@pytest.mark.parametrize(
    ("color", "layout", "dtype", "more"),
    list(itertools.product(("RGB", "BGR"), ("NCHW", "NHWC"), ("float32", "float16", "uint8"), ({}, SHIFTED))),
)
def test_a_card_makes_the_same_tensor_of_pictures_as_the_cores(
    color: str, layout: str, dtype: str, more: dict[str, Any]
) -> None:
    fields = {"tensor": "x", "size": (32, 24), "color": color, "layout": layout, "dtype": dtype, **more}
    declared = ModelInput.model_validate(fields)
    canvases = np.random.default_rng(1).integers(0, 256, (3, 24, 32, 3), np.uint8)

    session = ort.InferenceSession(entry_graph(declared), providers=["CPUExecutionProvider"])
    (made,) = session.run(None, {CANVASES: canvases})

    expected = tensor_of(canvases, declared)
    assert np.asarray(made).dtype == expected.dtype
    np.testing.assert_allclose(made, expected, atol=2e-3 if dtype == "float16" else 1e-6)


def test_a_card_is_used_if_a_model_runs_on_it_and_told_of_if_not(caplog: pytest.LogCaptureFixture) -> None:
    def fault(device: Device) -> str:
        return "it is too old" if device.index == 1 else ""

    devices = devices_here(4, [card(0), card(1), card(2)], fault)

    assert [device.name for device in devices] == ["cuda:0", "cuda:2"]
    assert "cuda:1 (planted) is not used: it is too old" in caplog.text


def test_a_box_whose_cards_all_fail_works_on_its_cores() -> None:
    assert devices_here(4, [card(0)], lambda _device: "no driver") == (Device(kind="cpu", workers=4),)


def test_the_cores_of_every_machine_pass_the_trial() -> None:
    assert fault_of(Device(kind="cpu", workers=1)) == ""


@pytest.mark.skipif(bool(cards_here()), reason="this machine has a card")
def test_a_card_that_is_not_there_fails_the_trial_and_nothing_quietly_runs_on_the_cores() -> None:
    assert "onnxruntime cannot use cuda:0" in fault_of(CARD)


def test_what_a_process_takes_before_its_model_is_not_the_models() -> None:
    host = Host(Device(kind="cpu", workers=1), memory_bytes=64 << 20, slot_bytes=0)
    try:
        before = host.memory_bytes()
        host.prepare()
        after = host.memory_bytes()
    finally:
        host.end()

    assert before > after
