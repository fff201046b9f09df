"""Groups of algorithms, and what may not be taken away because something at work uses it."""

from pathlib import Path
from typing import Any

from hub.repository.groups import MOST_GROUPS
from tests.hub.conftest import ON_SQLITE
from tests.hub.repository.test_editing import upload

GROUPS = "/api/v1/algorithm-groups"
SMOKE, INTRUSION, DETECTOR = (
    f"/api/v1/algorithms/{name}" for name in ("fengsui.smoke", "fengsui.area_intrusion", "example.detector")
)
POINT = {"id": "gate", "name": "东门", "stream_url": "rtsp://127.0.0.1/gate"}


async def made(hub: Any, name: str) -> str:
    return str((await hub.console.post(GROUPS, json={"name": name})).raise_for_status().json()["id"])


async def choose(hub: Any, algorithm: str, *group_ids: str) -> Any:
    return await hub.console.put(f"{algorithm}/groups", json={"group_ids": list(group_ids)})


async def task(hub: Any, algorithm_id: str) -> str:
    await hub.console.post("/api/v1/points", json=POINT)
    draft = {"name": "巡查", "point_ids": ["gate"], "algorithm_ids": [algorithm_id]}
    return str((await hub.console.post("/api/v1/tasks", json=draft)).raise_for_status().json()[0]["id"])


async def test_algorithms_are_put_into_groups_and_found_by_them(hub: Any) -> None:
    fire, city = await made(hub, "消防"), await made(hub, "城管")
    shown = (await choose(hub, SMOKE, fire, city, fire)).raise_for_status().json()
    (await choose(hub, INTRUSION, city)).raise_for_status()

    found = (await hub.console.get("/api/v1/algorithms", params={"group_id": fire})).json()["items"]
    listed = (await hub.console.get(GROUPS)).json()
    left = (await choose(hub, SMOKE, fire)).raise_for_status().json()

    assert {group["name"] for group in shown["groups"]} == {"消防", "城管"}
    assert [item["id"] for item in found] == ["fengsui.smoke"]
    assert {group["name"]: group["algorithms"] for group in listed} == {"消防": 1, "城管": 2}
    assert left["groups"] == [{"id": fire, "name": "消防"}]


async def test_a_group_is_renamed_and_forgotten_and_two_are_never_called_the_same(hub: Any) -> None:
    fire, city = await made(hub, "消防"), await made(hub, "城管")
    await choose(hub, SMOKE, fire, city)

    twice = await hub.console.post(GROUPS, json={"name": "消防"})
    same = await hub.console.patch(f"{GROUPS}/{city}", json={"name": "消防"})
    renamed = await hub.console.patch(f"{GROUPS}/{city}", json={"name": "城市管理"})
    removed = await hub.console.delete(f"{GROUPS}/{fire}")

    shown = (await hub.console.get(SMOKE)).json()
    again = await hub.console.delete(f"{GROUPS}/{fire}")
    assert (twice.json()["code"], same.json()["code"], again.json()["code"]) == (
        "group_exists",
        "group_exists",
        "not_found",
    )
    assert (renamed.json()["name"], removed.status_code) == ("城市管理", 204)
    assert shown["groups"] == [{"id": city, "name": "城市管理"}]


async def test_an_algorithm_that_goes_leaves_its_groups(hub: Any, tmp_path: Path) -> None:
    fire = await made(hub, "消防")
    await upload(hub, tmp_path)
    await choose(hub, DETECTOR, fire)

    (await hub.console.delete(DETECTOR)).raise_for_status()

    assert [group["algorithms"] for group in (await hub.console.get(GROUPS)).json()] == [0]


@ON_SQLITE
async def test_unknown_groups_are_refused_groups_are_bounded_and_a_viewer_makes_none(hub: Any) -> None:
    fire = await made(hub, "消防")
    unknown = await choose(hub, SMOKE, fire, "no-such-group")
    async with hub.signed_in("viewer") as viewer:
        forbidden = await viewer.post(GROUPS, json={"name": "x"})
    for number in range(MOST_GROUPS - 1):
        await made(hub, f"g{number}")

    one_more = await hub.console.post(GROUPS, json={"name": "one more"})

    assert (unknown.status_code, forbidden.status_code) == (404, 403)
    assert (await hub.console.get(SMOKE)).json()["groups"] == []
    assert (one_more.status_code, one_more.json()["code"]) == (409, "too_many_groups")


async def test_what_a_task_at_work_uses_stays_on_the_shelf_and_the_task_is_named(hub: Any, tmp_path: Path) -> None:
    await upload(hub, tmp_path)
    task_id = await task(hub, "example.detector")

    refused = await hub.console.patch(DETECTOR, json={"on_shelf": False})
    kept = await hub.console.delete(DETECTOR)
    (await hub.console.post("/api/v1/tasks/stop", json={"ids": [task_id]})).raise_for_status()
    taken = await hub.console.patch(DETECTOR, json={"on_shelf": False})
    still = await hub.console.delete(DETECTOR)

    assert (refused.status_code, refused.json()["code"]) == (409, "algorithm_in_use")
    assert refused.json()["errors"] == [{"field": "task", "message": "巡查 (东门)"}]
    assert "巡查 (东门)" in refused.json()["detail"]
    assert (kept.json()["code"], still.json()["code"]) == ("algorithm_in_use", "algorithm_in_use")
    assert taken.raise_for_status().json()["on_shelf"] is False


@ON_SQLITE
async def test_what_a_snapshot_plan_uses_stays_until_the_plan_does_without(hub: Any, tmp_path: Path) -> None:
    await upload(hub, tmp_path)
    (await hub.console.post("/api/v1/points", json=POINT)).raise_for_status()
    plan = {"name": "每日抓图", "every_s": 60, "rounds": [{"point_id": "gate"}]}
    named = plan | {"algorithm": {"algorithm_id": "example.detector", "version": "2.0.0"}}
    plan_id = (await hub.console.post("/api/v1/captures/plans", json=named)).raise_for_status().json()["plan_id"]

    refused = await hub.console.patch(DETECTOR, json={"on_shelf": False})
    (await hub.console.put(f"/api/v1/captures/plans/{plan_id}", json=plan)).raise_for_status()
    taken = await hub.console.patch(DETECTOR, json={"on_shelf": False})

    assert refused.json()["errors"] == [{"field": "capture_plan", "message": "每日抓图"}]
    assert taken.status_code == 200


async def test_several_algorithms_are_deleted_together_or_none_is(hub: Any, tmp_path: Path) -> None:
    for name in ("example.detector", "example.other"):
        await upload(hub, tmp_path, id=name)
    ids = {"ids": ["example.other", "example.detector"]}
    task_id = await task(hub, "example.detector")

    used = await hub.console.post("/api/v1/algorithms/delete", json=ids)
    built_in = await hub.console.post("/api/v1/algorithms/delete", json={"ids": ["example.other", "fengsui.smoke"]})
    kept = await hub.console.get("/api/v1/algorithms", params={"source": "upload"})
    (await hub.console.post("/api/v1/tasks/delete", json={"ids": [task_id]})).raise_for_status()
    removed = await hub.console.post("/api/v1/algorithms/delete", json=ids)

    left = await hub.console.get("/api/v1/algorithms", params={"source": "upload"})
    assert (used.json()["code"], built_in.json()["code"]) == ("algorithm_in_use", "algorithm_built_in")
    assert (kept.json()["total"], removed.status_code, left.json()["total"]) == (2, 204, 0)
