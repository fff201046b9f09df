"""Bare models become packages in the hub: looked at in a child, named by a person, imported like any other."""

import asyncio
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from onnx import TensorProto, helper

from federation.packages.packing import pack_model
from federation.testing.waiting import until
from hub.repository.packing import MOST_MODELS
from tests.hub.conftest import ON_SQLITE
from tests.hub.repository.detectors import model

OCTETS = {"Content-Type": "application/octet-stream"}
MODELS = "/api/v1/bare-models"
NAMES: dict[str, Any] = {
    "id": "city.helmets",
    "version": "1.0.0",
    "name": {"zh": "安全帽", "en": "Helmets"},
    "description": {"zh": "工地安全帽", "en": "Helmets on building sites"},
    "vendor": {"zh": "示范市", "en": "The city"},
    "note": {"zh": "首个版本", "en": "The first"},
    "events": [{"code": "person", "zh": "未戴安全帽", "en": "No helmet"}],
}


def picture() -> bytes:
    return bytes(cv2.imencode(".png", np.full((64, 64, 3), 90, np.uint8))[1])


def no_picture() -> bytes:
    """Return a model that takes seven numbers."""
    entry = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 7])
    result = helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 7])
    graph = helper.make_graph([helper.make_node("Relu", ["x"], ["y"])], "m", [entry], [result])
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=10)
    return bytes(made.SerializeToString())


async def taken(hub: Any, content: bytes) -> str:
    answer = await hub.console.post(MODELS, params={"name": "helmets.onnx"}, content=content, headers=OCTETS)
    return str(answer.raise_for_status().json()["id"])


async def show(hub: Any, model_id: str, content: bytes) -> Any:
    return await hub.console.post(f"{MODELS}/{model_id}/pictures", content=content, headers=OCTETS)


async def recognised(hub: Any, model_id: str, *labels: str) -> dict[str, Any]:
    """Have a model looked at and wait for what comes of it."""
    (await hub.console.post(f"{MODELS}/{model_id}/recognition", json={"labels": labels})).raise_for_status()

    async def ended() -> dict[str, Any] | None:
        seen = (await hub.console.get(f"{MODELS}/{model_id}")).raise_for_status().json()
        return None if seen["state"] in {"waiting", "looking"} else dict(seen)

    return await until(ended, within_s=200, what="the model has been looked at") or {}


async def pack(hub: Any, model_id: str, **changes: Any) -> Any:
    return await hub.console.post(f"{MODELS}/{model_id}/package", json=NAMES | changes, timeout=200)


@ON_SQLITE
async def test_a_bare_model_is_recognised_named_and_imported_and_its_next_version_too(hub: Any) -> None:
    model_id = await taken(hub, model())
    (await show(hub, model_id, picture())).raise_for_status()
    seen = await recognised(hub, model_id, "helmet", "person", "vest")
    made = (await pack(hub, model_id)).raise_for_status().json()
    gone = await hub.console.get(f"{MODELS}/{model_id}")

    model_id = await taken(hub, model())
    await show(hub, model_id, picture())
    await recognised(hub, model_id, "helmet", "person", "vest")
    newer = (await pack(hub, model_id, version="1.0.1", note=None)).raise_for_status().json()

    failed = {item["code"] for item in made["examined"]["findings"] if item["outcome"] == "failed"}
    assert (seen["state"], seen["proposed"]["decoder"]) == ("proposed", "rows")
    assert (seen["proposed"]["width_px"], seen["proposed"]["labels"]) == (32, ["helmet", "person", "vest"])
    assert [event["code"] for event in seen["proposed"]["events"]] == ["person"]
    assert (made["id"], made["name_zh"], made["source"], made["on_shelf"]) == ("city.helmets", "安全帽", "upload", True)
    assert (made["events"][0]["code"], made["events"][0]["name_zh"]) == ("city.helmets/person", "未戴安全帽")
    assert failed <= {"unsigned", "licence_unclear", "samples_few", "presentation_missing"}
    assert gone.status_code == 404
    assert (newer["versions"], [note["version"] for note in newer["notes"]]) == (["1.0.0", "1.0.1"], ["1.0.0"])


@pytest.mark.parametrize(
    ("content", "pictures", "code"),
    [(b"no model", 1, "unsafe_model"), (no_picture(), 1, "no_picture_input"), (model(), 0, "no_samples")],
    ids=["no-model", "takes-no-picture", "no-samples"],
)
@ON_SQLITE
async def test_what_cannot_be_packed_is_refused_by_its_code_and_no_package_is_made(
    hub: Any, content: bytes, pictures: int, code: str
) -> None:
    model_id = await taken(hub, content)
    for _ in range(pictures):
        (await show(hub, model_id, picture())).raise_for_status()

    seen = await recognised(hub, model_id)
    early = await pack(hub, model_id)

    assert (seen["state"], seen["code"], seen["proposed"]) == ("refused", code, None)
    assert seen["detail"]
    assert early.json()["code"] == "model_busy"


@ON_SQLITE
async def test_models_that_come_at_once_are_bounded_too(hub: Any) -> None:
    coming = (
        hub.console.post(MODELS, params={"name": "x.onnx"}, content=model(), headers=OCTETS)
        for _ in range(MOST_MODELS + 2)
    )
    answers = await asyncio.gather(*coming)

    assert sorted(answer.status_code == 409 for answer in answers) == [False] * MOST_MODELS + [True] * 2


@ON_SQLITE
async def test_what_is_dropped_leaves_nothing_and_models_and_pictures_are_bounded(hub: Any) -> None:
    ids = [await taken(hub, model()) for _ in range(MOST_MODELS)]
    one_more = await hub.console.post(MODELS, params={"name": "x.onnx"}, content=model(), headers=OCTETS)
    no_jpeg = await show(hub, ids[0], b"<svg>")
    pictures = (await show(hub, ids[0], picture())).json()["pictures"]
    async with hub.signed_in("viewer") as viewer:
        forbidden = await viewer.post(MODELS, params={"name": "x.onnx"}, content=b"", headers=OCTETS)

    for model_id in ids:
        (await hub.console.delete(f"{MODELS}/{model_id}")).raise_for_status()

    left = [path for path in (hub.config.data_folder / "packages").rglob("*") if path.is_file()]
    assert (one_more.status_code, one_more.json()["code"]) == (409, "too_many_models")
    assert (no_jpeg.json()["code"], pictures) == ("not_a_picture", 1)
    assert forbidden.status_code == 403
    assert left == []


@ON_SQLITE
async def test_a_model_that_is_dropped_while_it_is_looked_at_lets_the_next_one_in(hub: Any) -> None:
    first, second = await taken(hub, model()), await taken(hub, model())
    for model_id in (first, second):
        (await show(hub, model_id, picture())).raise_for_status()
    (await hub.console.post(f"{MODELS}/{first}/recognition", json={})).raise_for_status()

    async def looking() -> bool:
        return bool((await hub.console.get(f"{MODELS}/{first}")).json()["state"] == "looking")

    await until(looking, within_s=60, what="the first model is looked at")
    dropped = await hub.console.delete(f"{MODELS}/{first}")
    seen = await recognised(hub, second)

    assert (dropped.status_code, seen["state"]) == (204, "proposed")
    assert (await hub.console.get(f"{MODELS}/{first}")).status_code == 404


async def test_a_model_that_takes_more_than_it_may_ends_its_own_process(tmp_path: Path) -> None:
    output = tmp_path / "out.algpkg"
    await asyncio.to_thread(laid_out, tmp_path)

    starved = await pack_model(tmp_path, output, "model", memory_bytes=300 << 20)
    late = await pack_model(tmp_path, output, "model", time_s=0.05)

    assert (starved.code, late.code) == ("packing_failed", "packing_failed")
    assert "0.05 s" in late.detail
    assert not await asyncio.to_thread(output.exists)


def laid_out(folder: Path) -> None:
    """Put a model and its picture where they are packed from."""
    (folder / "samples").mkdir()
    (folder / "samples" / "1.png").write_bytes(picture())
    (folder / "model.onnx").write_bytes(model())
