"""Masks of planted segmentation models, from the model's process to the rule that measures them."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from appliance.analysis.engine.packages import Ready
from appliance.analysis.engine.queue import Lane
from appliance.analysis.engine.wire import packed, unpacked
from appliance.analysis.pictures import Pictures
from appliance.analysis.region import GRID_PX
from federation.packages import Manifest
from tests.appliance.analysis.engine.conftest import Pack, Running
from tests.appliance.analysis.test_detector import SIDE, WIDE, graph, manifest

KEY = ("test.planted", "1.0.0")
GREY = WIDE.copy()


def measuring(output: dict[str, object], share: float) -> Manifest:
    """Return a manifest that reports bins which cover `share` of the picture."""
    declared = manifest(output).model_dump(mode="json", exclude_defaults=True)
    return Manifest.model_validate({**declared, "rule": {"kind": "area_share", "defaults": {"share": share}}})


def quarters() -> NDArray[np.bool_]:
    """Return two of the four quarters of the picture, as it lies in the input: one box around both is all of it."""
    places = np.zeros((SIDE, SIDE), np.bool_)
    places[8:16, :16] = places[16:24, 16:] = True
    return places


def semantic() -> tuple[dict[str, object], bytes]:
    scores = np.stack([quarters() * 8.0, np.zeros((SIDE, SIDE))])[None].astype(np.float32)
    return {"decoder": "semantic", "tensor": "o", "conf": 0.6}, graph(o=scores)


def instances() -> tuple[dict[str, object], bytes]:
    """One bin over the whole picture, whose mask is two quarters of it."""
    row = np.array([[[16, 16, 32, 16, 0.9, 0.0, 1.0]]], np.float32)
    protos = np.where(quarters(), 4.0, -4.0)[None, None].astype(np.float32)
    declared: dict[str, object] = {"decoder": "dense", "tensor": "o", "protos": "p", "channels_first": False}
    return declared, graph(o=row, p=protos)


@pytest.mark.parametrize("kind", [semantic, instances])
async def test_masks_reach_the_rule_and_count_as_they_are(kind: Any, engine: Running, pack: Pack) -> None:
    output, model = kind()
    narrow, wide = ("test.planted", "1.0.0"), ("test.planted", "1.0.1")
    paths = {
        narrow: await pack("narrow", model, measuring(output, 0.45)),
        wide: await pack("wide", model, measuring(output, 0.55)),
    }
    held = await engine.holds(paths)
    assert all(isinstance(state, Ready) for state in held.values()), held
    pictures = Pictures(engine.engine)

    reported, silent = [await pictures.look(GREY, key, Lane.PERSON) for key in (narrow, wide)]

    assert [item.box.width for item in reported.detections] == [1.0]
    assert ([event.code for event in reported.events], silent.events) == (["test.planted/x"], ())


def test_a_mask_comes_over_the_wire_as_it_went() -> None:
    mask = (np.random.default_rng(5).random(GRID_PX[::-1]) > 0.5).astype(np.uint8) * np.uint8(255)

    assert np.array_equal(unpacked(packed(mask)), mask)
