"""What a package says and shows of itself: cover, scenes, notes of its versions, training."""

import asyncio
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from hub.repository.pictures import LARGEST_BYTES
from tests.hub.conftest import ON_SQLITE
from tests.hub.repository.detectors import TEXT, detector

OCTETS = {"Content-Type": "application/octet-stream"}
PICTURE = "/api/v1/algorithms/example.detector/picture"


def jpeg() -> bytes:
    return bytes(cv2.imencode(".jpg", np.zeros((9, 16, 3), np.uint8))[1])


def note(version: str, zh: str) -> dict[str, Any]:
    return {"version": version, "on": "2026-11-01", "text": {"zh": zh, "en": zh}}


async def upload(hub: Any, folder: Path, **changes: Any) -> dict[str, Any]:
    content = await asyncio.to_thread(detector, folder, **changes)
    answer = await hub.console.post("/api/v1/algorithms", content=content, headers=OCTETS, timeout=120)
    return dict(answer.raise_for_status().json())


@ON_SQLITE
async def test_cover_and_pictures_of_scenes_come_from_the_package_and_no_other_file_does(
    hub: Any, tmp_path: Path
) -> None:
    files = {"cover.jpg": jpeg(), "scenes/night.jpg": jpeg()}
    scenes = {"good": [{"text": TEXT, "picture": "scenes/night.jpg"}]}
    shown = await upload(hub, tmp_path, cover="cover.jpg", scenes=scenes, files=files)

    cover = await hub.console.get(PICTURE, params={"path": shown["cover"]})
    scene = await hub.console.get(PICTURE, params={"path": "scenes/night.jpg", "version": "2.0.0"})

    refused = [
        await hub.console.get(PICTURE, params={"path": "models/m.onnx"}),
        await hub.console.get(PICTURE, params={"path": "cover.jpg", "version": "9.9.9"}),
        await hub.console.get("/api/v1/algorithms/fengsui.smoke/picture", params={"path": "cover.jpg"}),
    ]
    assert (cover.content, scene.content) == (jpeg(), jpeg())
    assert (cover.headers["Content-Type"], cover.headers["X-Content-Type-Options"]) == ("image/jpeg", "nosniff")
    assert [answer.json()["code"] for answer in refused] == ["not_found"] * 3
    assert (await hub.anonymous.get(PICTURE, params={"path": "cover.jpg"})).status_code == 401


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"<svg onload=alert(1)>", "not_a_picture"),
        (jpeg() + b"\0" * (LARGEST_BYTES + 1 - len(jpeg())), "too_large"),
        (jpeg() + b"\0" * (LARGEST_BYTES - len(jpeg())), None),
    ],
    ids=["script", "over-the-limit", "at-the-limit"],
)
@ON_SQLITE
async def test_a_cover_is_a_picture_of_at_most_8_mib_whatever_its_name_says(
    hub: Any, tmp_path: Path, content: bytes, code: str | None
) -> None:
    await upload(hub, tmp_path, cover="cover.jpg", files={"cover.jpg": content})

    answer = await hub.console.get(PICTURE, params={"path": "cover.jpg"})

    assert (answer.json()["code"] if answer.is_error else None) == code


@ON_SQLITE
async def test_a_version_is_shown_with_its_training_and_the_notes_of_those_before(hub: Any, tmp_path: Path) -> None:
    await upload(hub, tmp_path, version="1.9.0", notes=[note("1.9.0", "首个版本")], training={"model_name": "街景"})
    await upload(hub, tmp_path, version="1.10.0", notes=[note("1.10.0", "夜间漏检减少")])

    newest = (await hub.console.get("/api/v1/algorithms/example.detector")).json()
    older = (await hub.console.get("/api/v1/algorithms/example.detector", params={"version": "1.9.0"})).json()

    unknown = await hub.console.get("/api/v1/algorithms/example.detector", params={"version": "1.11.0"})
    assert [item["version"] for item in newest["notes"]] == ["1.10.0", "1.9.0"]
    assert (newest["version"], newest["training"], newest["cover"]) == ("1.10.0", None, None)
    assert (older["version"], older["training"]["model_name"]) == ("1.9.0", "街景")
    assert [item["version"] for item in older["notes"]] == ["1.9.0"]
    assert unknown.json()["code"] == "not_found"
