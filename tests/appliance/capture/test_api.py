"""Snapshots of a running agent: ordered over HTTP, taken from real key frames, decoded by the real vision process."""

import asyncio
from pathlib import Path
from typing import Any

import cv2
import httpx
import numpy as np
import pytest
from pydantic import ValidationError

from appliance.capture.model import SnapshotDraft
from federation.messages import CameraReport, CameraState
from federation.testing.waiting import until
from tests.appliance.capture.conftest import Box, running_box
from tests.appliance.panel.test_api import POINT, config_in


def decoded(content: bytes) -> Any:
    return cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR)


PATIENT = {"within_s": 60}  # the machine of a test may be busy


async def taken(box: Box, number: int = 0, **draft: Any) -> httpx.Response:
    """Order a picture, and let a key frame arrive once somebody needs it."""
    async with asyncio.TaskGroup() as group:
        asked = group.create_task(box.panel.post("/api/v1/snapshots", json={"point_id": POINT, **PATIENT, **draft}))
        await box.watched()
        box.send(number)
    return asked.result()


async def test_a_picture_is_taken_from_the_next_key_frame_and_kept(box: Box) -> None:
    answer = await taken(box)

    row = answer.json()
    assert answer.status_code == 201
    assert (row["state"], row["origin"], row["point_id"], row["attempts"]) == ("done", "sync", POINT, 1)
    picture = await box.panel.get(row["picture_url"])
    assert picture.headers["content-type"] == "image/jpeg"
    assert decoded(picture.content).shape == (192, 320, 3)
    assert (row["width_px"], row["height_px"], row["size_bytes"]) == (320, 192, len(picture.content))
    assert (await box.panel.get("/api/v1/snapshots")).json()["items"] == [row]
    await until(lambda: not box.feeds.of(POINT).wanted.is_set(), within_s=60, what="a camera that is let go again")


async def test_the_last_key_frame_will_do_when_it_is_fresh_and_is_not_waited_for(box: Box) -> None:
    unit = box.send()

    row = (await box.panel.post("/api/v1/snapshots", json={"point_id": POINT, "fresh_s": 60, **PATIENT})).json()

    assert row["taken_at"][:19] == unit.arrived_at.isoformat()[:19]


async def test_a_key_frame_that_is_older_than_asked_for_is_not_taken(box: Box) -> None:
    box.send()
    async with asyncio.TaskGroup() as group:
        asked = group.create_task(
            box.panel.post("/api/v1/snapshots", json={"point_id": POINT, "fresh_s": 0, **PATIENT})
        )
        await box.watched()
        unit = box.send(1)

    assert asked.result().json()["taken_at"][:23] == unit.arrived_at.isoformat()[:23]


async def test_a_region_is_kept_in_full_resolution(box: Box) -> None:
    whole = (await taken(box)).json()
    region = {"x": 0.5, "y": 0.25, "width": 0.5, "height": 0.5}
    draft = {"point_id": POINT, "region": region, "fresh_s": 60, **PATIENT}
    row = (await box.panel.post("/api/v1/snapshots", json=draft)).json()

    part = decoded((await box.panel.get(row["picture_url"])).content)
    picture = decoded((await box.panel.get(whole["picture_url"])).content)
    assert (row["width_px"], row["height_px"]) == (160, 96)
    assert np.abs(part.astype(int) - picture[48:144, 160:320].astype(int)).mean() < 4


@pytest.mark.parametrize(
    ("draft", "field"),
    [
        ({"region": {"x": 0.6, "y": 0, "width": 0.5, "height": 1}}, ("region",)),
        ({"region": {"x": 0, "y": 0, "width": 0.019, "height": 1}}, ("region",)),
        ({"aim": {"kind": "flight"}}, ("aim",)),
        ({"aim": {"kind": "position", "pan": 1.01}}, ("aim", "position", "pan")),
        ({"fresh_s": -1}, ("fresh_s",)),
        ({"within_s": 61}, ("within_s",)),
        ({"regoin": {}}, ("regoin",)),
    ],
)
def test_an_order_that_cannot_be_is_refused_with_the_field_at_fault(
    draft: dict[str, Any], field: tuple[str, ...]
) -> None:
    with pytest.raises(ValidationError) as refused:
        SnapshotDraft.model_validate({"point_id": POINT, **draft})

    assert refused.value.errors()[0]["loc"] == field


async def test_what_is_no_camera_of_this_box_and_too_many_orders_are_refused_and_nothing_is_noted(box: Box) -> None:
    stranger = await box.panel.post("/api/v1/snapshots", json={"point_id": "nowhere"})
    among = {"orders": [{"point_id": POINT}, {"point_id": "nowhere"}]}
    queued = await box.panel.post("/api/v1/snapshots/queue", json=among)
    many = await box.panel.post("/api/v1/snapshots/queue", json={"orders": [{"point_id": POINT}] * 1001})

    faults = [(answer.status_code, answer.json()["errors"][0]["field"]) for answer in (stranger, queued, many)]
    assert faults == [(422, "body.point_id"), (422, "body.orders.1.point_id"), (422, "body.orders")]
    assert (await box.panel.get("/api/v1/snapshots")).json()["items"] == []


async def test_a_camera_that_does_not_answer_is_told_with_the_reason_of_its_stream(box: Box) -> None:
    await box.says(CameraReport(point_id=POINT, state=CameraState.REFUSED, reason="wrong_password: the camera says no"))

    answer = await box.panel.post("/api/v1/snapshots", json={"point_id": POINT, "within_s": 1})

    assert (answer.status_code, answer.json()["code"]) == (503, "wrong_password")
    assert answer.json()["detail"] == "No picture: the camera says no."
    [failed] = (await box.panel.get("/api/v1/snapshots", params={"state": "failed"})).json()["items"]
    assert failed["reason"] == "wrong_password: the camera says no"


async def test_orders_at_one_time_for_one_camera_share_one_picture(box: Box) -> None:
    async with asyncio.TaskGroup() as group:
        asked = [
            group.create_task(box.panel.post("/api/v1/snapshots", json={"point_id": POINT, "fresh_s": 30, **PATIENT}))
            for _ in range(5)
        ]
        await box.watched()
        queued = await box.panel.post(
            "/api/v1/snapshots/queue", json={"orders": [{"point_id": POINT, "fresh_s": 30, **PATIENT}]}
        )
        figures = (await box.panel.get("/api/v1/snapshots/figures")).json()
        box.send()
    rows = [task.result().json() for task in asked]
    later = await box.settled(queued.json()["items"][0]["id"])

    assert figures["running"] == 1
    assert {row["digest"] for row in [*rows, later]} == {rows[0]["digest"]}
    assert len({row["id"] for row in rows}) == 5
    assert (await box.panel.get("/api/v1/snapshots/figures")).json()["pictures"] == 1


async def test_orders_for_later_outlive_a_restart(tmp_path: Path) -> None:
    config = config_in(tmp_path)
    async with running_box(config) as box:
        wide = [{"x": 0, "y": 0, "width": 0.2 * n, "height": 1} for n in (1, 2, 3)]
        orders = [{"point_id": POINT, "region": region, "fresh_s": 30, **PATIENT} for region in wide]
        asked = await box.panel.post("/api/v1/snapshots/queue", json={"orders": orders})
        ids = [row["id"] for row in asked.json()["items"]]
        await box.watched()
    assert asked.status_code == 202

    async with running_box(config) as again:
        await again.watched()
        again.send()
        rows = [await again.settled(snapshot_id) for snapshot_id in ids]

    assert [(row["state"], row["width_px"]) for row in rows] == [("done", 64), ("done", 128), ("done", 192)]


async def test_orders_for_later_are_carried_out_and_listed_by_state(box: Box) -> None:
    half = {"x": 0, "y": 0, "width": 0.5, "height": 0.5}
    orders = [
        {"point_id": POINT, "fresh_s": 30, **PATIENT},
        {"point_id": POINT, "region": half, "fresh_s": 30, **PATIENT},
    ]
    asked = await box.panel.post("/api/v1/snapshots/queue", json={"orders": orders})
    await box.watched()
    box.send()

    rows = [await box.settled(row["id"]) for row in asked.json()["items"]]

    assert [(row["state"], row["origin"], row["width_px"]) for row in rows] == [
        ("done", "async", 320),
        ("done", "async", 160),
    ]
    first = (await box.panel.get("/api/v1/snapshots", params={"state": "done", "limit": 1})).json()
    rest = (await box.panel.get("/api/v1/snapshots", params={"limit": 1, "after": first["next"]})).json()
    assert [row["id"] for row in first["items"] + rest["items"]] == [row["id"] for row in rows[::-1]]
    assert rest["next"] is None


async def test_no_stranger_sees_a_snapshot(box: Box) -> None:
    async with httpx.AsyncClient(base_url=box.panel.base_url, timeout=60) as stranger:
        answers = [await stranger.get(f"/api/v1/snapshots{path}") for path in ("", "/figures", "/x", "/x/picture.jpg")]

    assert [answer.status_code for answer in answers] == [401] * 4
