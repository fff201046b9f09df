"""What operators say of an algorithm lies over what its package says, and the package stays as it is."""

import asyncio
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from hub.repository.editing import LARGEST_COVER_BYTES
from tests.hub.conftest import ON_SQLITE
from tests.hub.repository.detectors import detector

OCTETS = {"Content-Type": "application/octet-stream"}
DETECTOR = "/api/v1/algorithms/example.detector"
SAID: dict[str, Any] = {
    "name": {"zh": "路口行人", "en": "People at crossings"},
    "description": {"zh": "本市路口使用", "en": "For the crossings of this city"},
    "vendor": {"zh": "示范市算法中心", "en": "The city's own"},
    "targets": ["行人"],
    "industries": ["城管"],
    "business": ["违章巡查"],
    "places": ["道路/路口"],
}


def jpeg(grey: int = 0) -> bytes:
    return bytes(cv2.imencode(".jpg", np.full((9, 16, 3), grey, np.uint8))[1])


async def upload(hub: Any, folder: Path, **changes: Any) -> dict[str, Any]:
    content = await asyncio.to_thread(detector, folder, **changes)
    answer = await hub.console.post("/api/v1/algorithms", content=content, headers=OCTETS, timeout=120)
    return dict(answer.raise_for_status().json())


async def say(hub: Any, **changes: Any) -> Any:
    return await hub.console.put(f"{DETECTOR}/presentation", json=SAID | changes)


async def cover(hub: Any, content: bytes) -> Any:
    return await hub.console.post(f"{DETECTOR}/cover", content=content, headers=OCTETS)


async def audited(hub: Any) -> list[dict[str, Any]]:
    rows = (await hub.console.get("/api/v1/audit", params={"action": "algorithm.edit"})).raise_for_status().json()
    return [row["detail"] for row in rows["items"]]


async def test_what_is_said_here_is_shown_wherever_the_algorithm_is_and_its_package_stays(
    hub: Any, tmp_path: Path
) -> None:
    before = await upload(hub, tmp_path)

    said = (await say(hub)).raise_for_status().json()
    await upload(hub, tmp_path, version="2.1.0")

    shown = (await hub.console.get(DETECTOR)).json()
    found = (await hub.console.get("/api/v1/algorithms", params={"text": "路口"})).json()["items"]
    briefs = {item["id"]: item["name_zh"] for item in (await hub.console.get("/api/v1/algorithm-briefs")).json()}
    models = (await hub.console.get("/api/v1/algorithm-templates/vehicle/models")).json()
    kinds = {kind["code"]: kind["name_zh"] for kind in (await hub.console.get("/api/v1/event-types")).json()}
    assert said["edited"] == ["name", "description", "vendor", "targets", "industries", "business", "places"]
    assert (said["digest"], said["examined"]) == (before["digest"], before["examined"])
    assert (shown["version"], shown["name_zh"], shown["description_en"]) == (
        "2.1.0",
        "路口行人",
        "For the crossings of this city",
    )
    assert (shown["vendor"]["id"], shown["vendor"]["name"]) == ("example", SAID["vendor"])
    assert [shown["classification"][name] for name in ("targets", "industries", "business", "places")] == [
        SAID[name] for name in ("targets", "industries", "business", "places")
    ]
    assert [item["id"] for item in found] == ["example.detector"]
    assert (briefs["example.detector"], kinds["example.detector"]) == ("路口行人", "路口行人")
    assert [item["name_zh"] for item in models] == ["路口行人"]


async def test_what_is_as_the_package_says_follows_the_package_and_all_can_be_taken_back(
    hub: Any, tmp_path: Path
) -> None:
    was = await upload(hub, tmp_path)
    package: dict[str, Any] = {"description": {"zh": was["description_zh"], "en": was["description_en"]}}
    package |= {name: [] for name in ("targets", "industries", "business", "places")}
    only_named = (await say(hub, **package)).raise_for_status().json()
    again = (await say(hub, **package)).raise_for_status().json()
    newer = await upload(hub, tmp_path, version="2.1.0", description={"zh": "新说明", "en": "News"})

    taken_back = (await hub.console.delete(f"{DETECTOR}/presentation")).raise_for_status().json()

    assert only_named["edited"] == again["edited"] == ["name", "vendor"]
    assert (newer["name_zh"], newer["description_zh"]) == ("路口行人", "新说明")
    assert (taken_back["edited"], taken_back["name_zh"]) == ([], was["name_zh"])
    assert await audited(hub) == [
        {"taken_back": ["name", "vendor"]},
        {"name": SAID["name"], "vendor": SAID["vendor"]},
    ]


@ON_SQLITE
async def test_algorithms_are_found_by_what_they_take_where_they_run_who_made_them_and_when_they_came(
    hub: Any, tmp_path: Path
) -> None:
    await upload(hub, tmp_path, classification={"sources": ["video"]})
    (await say(hub)).raise_for_status()
    came = (await hub.console.get(DETECTOR)).json()["imported_at"]

    async def found(**query: str) -> bool:
        page = (await hub.console.get("/api/v1/algorithms", params=query)).raise_for_status().json()
        return "example.detector" in {item["id"] for item in page["items"]}

    assert [await found(takes=kind) for kind in ("video", "image_stream")] == [True, False]
    assert [await found(platform=name) for name in ("cpu", "cuda")] == [True, False]
    assert [await found(vendor=name) for name in ("示范市算法中心", "模型")] == [True, False]
    assert [await found(since=came), await found(until=came)] == [True, False]
    assert (await hub.console.get("/api/v1/algorithms", params={"platform": "npu"})).status_code == 422


async def test_a_cover_that_is_given_here_goes_before_that_of_the_package_until_it_is_removed(
    hub: Any, tmp_path: Path
) -> None:
    await upload(hub, tmp_path)
    black = (await cover(hub, jpeg())).raise_for_status().json()
    white = (await cover(hub, jpeg(255))).raise_for_status().json()

    seen = await hub.console.get(f"{DETECTOR}/covers/{white['own_cover']}")
    gone = await hub.console.get(f"{DETECTOR}/covers/{black['own_cover']}")
    removed = (await hub.console.delete(f"{DETECTOR}/cover")).raise_for_status().json()

    assert (seen.content, seen.headers["Content-Type"]) == (jpeg(255), "image/jpeg")
    assert (white["edited"], removed["edited"], removed["own_cover"]) == (["cover"], [], None)
    assert gone.json()["code"] == "not_found"


@ON_SQLITE
async def test_what_was_said_of_an_algorithm_goes_with_it(hub: Any, tmp_path: Path) -> None:
    await upload(hub, tmp_path)
    await say(hub)
    (await cover(hub, jpeg())).raise_for_status()

    (await hub.console.delete(DETECTOR)).raise_for_status()

    assert (await upload(hub, tmp_path))["edited"] == []


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"<svg onload=alert(1)>", "not_a_picture"),
        (b"", "not_a_picture"),
        (jpeg() + bytes(LARGEST_COVER_BYTES + 1 - len(jpeg())), "too_large"),
        (jpeg() + bytes(LARGEST_COVER_BYTES - len(jpeg())), None),
    ],
    ids=["script", "nothing", "over-the-limit", "at-the-limit"],
)
@ON_SQLITE
async def test_a_cover_is_a_picture_of_at_most_a_mib(
    hub: Any, tmp_path: Path, content: bytes, code: str | None
) -> None:
    await upload(hub, tmp_path)

    answer = await cover(hub, content)

    assert answer.json().get("code") == code


@pytest.mark.parametrize(
    "wrong", [{"name": {"zh": "  ", "en": "x"}}, {"targets": [""]}, {"version": "9.9.9"}, {"name": None}]
)
@ON_SQLITE
async def test_nothing_else_is_said_of_an_algorithm_and_no_viewer_says_anything(
    hub: Any, tmp_path: Path, wrong: dict[str, Any]
) -> None:
    await upload(hub, tmp_path)

    refused = await say(hub, **wrong)
    unknown = await hub.console.put("/api/v1/algorithms/no.such/presentation", json=SAID)
    async with hub.signed_in("viewer") as viewer:
        forbidden = await viewer.put(f"{DETECTOR}/presentation", json=SAID)

    assert (refused.status_code, refused.json()["code"]) == (422, "invalid_input")
    assert (unknown.status_code, forbidden.status_code) == (404, 403)
    assert (await hub.console.get(DETECTOR)).json()["edited"] == []
