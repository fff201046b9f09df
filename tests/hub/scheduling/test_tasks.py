"""Tasks over HTTP, placed on appliances that are played over a real broker."""

from typing import Any

from federation.messages import TaskReport, TaskState
from federation.testing.played_appliance import PlayedAppliance, played_appliance
from federation.testing.waiting import until
from tests.hub.conftest import ON_SQLITE

REGION = [[0.1, 0.1], [0.9, 0.1], [0.5, 0.9]]


async def add_point(hub: Any, point_id: str = "gate") -> None:
    point = {
        "id": point_id,
        "name": f"点位 {point_id}",
        "stream_url": f"rtsp://127.0.0.1/{point_id}",
        "username": "camera",
        "password": "secret-of-camera",
    }
    (await hub.console.post("/api/v1/points", json=point)).raise_for_status()


async def add_tasks(hub: Any, *point_ids: str, **more: Any) -> list[dict[str, Any]]:
    draft = {
        "name": "周界",
        "point_ids": point_ids or ("gate",),
        "algorithm_ids": ["fengsui.area_intrusion"],
        "region": REGION,
        **more,
    }
    return list((await hub.console.post("/api/v1/tasks", json=draft)).raise_for_status().json())


async def task_in(hub: Any, task_id: str, status: str) -> dict[str, Any]:
    async def there() -> Any:
        task = (await hub.console.get(f"/api/v1/tasks/{task_id}")).json()
        return task if task["status"] == status else None

    return dict(await until(there, within_s=60, what=f"the task is {status}"))


async def test_a_task_without_any_appliance_says_why_it_waits(hub: Any) -> None:
    await add_point(hub)

    (task,) = await add_tasks(hub)

    assert (task["status"], task["node_id"]) == ("unplaced", None)
    assert task["reason"].startswith("no_node_online:")


async def test_a_task_is_placed_told_with_the_cameras_password_and_seen_running(linked_hub: Any) -> None:
    await add_point(linked_hub)
    async with played_appliance(await linked_hub.enrol()) as node:
        (task,) = await add_tasks(linked_hub, parameters={"hold_s": 3})
        desired = await node.wanted_tasks(1)
        node.report(tasks=(TaskReport(task_id=task["id"], generation=1, state=TaskState.RUNNING, frames=7),))
        running = await task_in(linked_hub, task["id"], "running")

    assert desired.cameras[0].password == "secret-of-camera"
    assert desired.tasks[0].parameters["hold_s"] == 3
    assert desired.tasks[0].parameters["sensitivity"] == 0.6  # the algorithm's own default
    assert (running["node_id"], running["generation"], running["frames"]) == (node.node_id, 1, 7)
    point = (await linked_hub.console.get("/api/v1/points/gate")).json()
    assert point["has_password"] is True
    assert "secret-of-camera" not in str(point)


SCENE = {"preset": "3", "regions": [REGION], "masks": [], "lines": []}


@ON_SQLITE
async def test_what_is_drawn_for_a_preset_goes_to_the_appliance_and_will_do_for_an_algorithm_that_needs_a_region(
    linked_hub: Any,
) -> None:
    await add_point(linked_hub)
    async with played_appliance(await linked_hub.enrol()) as node:
        (task,) = await add_tasks(linked_hub, region=None, scenes=[SCENE])
        desired = await node.wanted_tasks(1)

    assert task["scenes"] == [SCENE]
    assert [scene.model_dump(mode="json") for scene in desired.tasks[0].scenes] == [SCENE]


@ON_SQLITE
async def test_each_preset_is_drawn_once_and_named(hub: Any) -> None:
    await add_point(hub)
    draft = {"name": "周界", "point_ids": ["gate"], "algorithm_ids": ["fengsui.area_intrusion"], "region": REGION}

    answers = [
        await hub.console.post("/api/v1/tasks", json={**draft, "scenes": scenes})
        for scenes in ([SCENE, SCENE], [{**SCENE, "preset": None}], [{**SCENE, "preset": ""}])
    ]

    assert [answer.status_code for answer in answers] == [422] * 3


async def test_a_point_is_recorded_by_its_box_as_the_hub_says(linked_hub: Any) -> None:
    await add_point(linked_hub)
    plan = {"calendar": {"windows": []}, "keep_days": 7}
    (await linked_hub.console.put("/api/v1/points/gate/recording", json=plan)).raise_for_status()
    async with played_appliance(await linked_hub.enrol()) as node:
        await add_tasks(linked_hub)
        desired = await node.wanted_tasks(1)

        changed = await linked_hub.console.put("/api/v1/points/gate/recording", json={**plan, "keep_days": 9})
        await node.listen_for(lambda: kept_days(node) == 9)

    told = desired.cameras[0].recording
    assert told is not None
    assert (told.records, told.keep_days, changed.json()["recording"]["keep_days"]) == (True, 7, 9)


async def test_a_point_without_a_task_is_pulled_when_asked_and_always_once_it_is_recorded(linked_hub: Any) -> None:
    await add_point(linked_hub)
    async with played_appliance(await linked_hub.enrol()) as node:
        await node.listen_for(lambda: pulls(node) == {"gate": "asked"})

        plan: dict[str, Any] = {"calendar": {"windows": []}}
        (await linked_hub.console.put("/api/v1/points/gate/recording", json=plan)).raise_for_status()
        await node.listen_for(lambda: pulls(node) == {"gate": "always"})
        (await linked_hub.console.delete("/api/v1/points/gate")).raise_for_status()

        await node.listen_for(lambda: pulls(node) == {})


def pulls(node: PlayedAppliance) -> dict[str, str] | None:
    """Return how the box was told to pull each point."""
    return None if node.work is None else {camera.point_id: camera.pull for camera in node.work.cameras}


def kept_days(node: PlayedAppliance) -> int | None:
    """Return for how long the only camera's recordings are to be kept, as the box was told."""
    recording = node.work.cameras[0].recording if node.work is not None and node.work.cameras else None
    return None if recording is None else recording.keep_days


async def test_a_stopped_task_leaves_its_appliance_and_starts_again_under_a_new_generation(linked_hub: Any) -> None:
    await add_point(linked_hub)
    async with played_appliance(await linked_hub.enrol()) as node:
        (task,) = await add_tasks(linked_hub)
        await node.wanted_tasks(1)

        stopped = await linked_hub.console.post("/api/v1/tasks/stop", json={"ids": [task["id"], "unknown"]})
        await node.wanted_tasks(0)
        await linked_hub.console.post("/api/v1/tasks/start", json={"ids": [task["id"]]})
        again = await node.wanted_tasks(1)

    assert stopped.json() == {"count": 1}
    assert again.tasks[0].generation == 2


async def test_the_tasks_of_a_removed_appliance_go_to_another_one(linked_hub: Any) -> None:
    await add_point(linked_hub)
    first, second = await linked_hub.enrol("a-first"), await linked_hub.enrol("b-second")
    async with played_appliance(first) as one, played_appliance(second) as two:
        await until(
            lambda: all(node.online for node in linked_hub.hub.foundation.roster.all()),
            within_s=60,
            what="both appliances are online",
        )
        await add_tasks(linked_hub)
        await one.wanted_tasks(1)

        (await linked_hub.console.delete(f"/api/v1/nodes/{one.node_id}")).raise_for_status()

        moved = await two.wanted_tasks(1)
        assert moved.tasks[0].generation == 2


async def test_a_task_stays_with_an_appliance_that_nobody_hears(linked_hub: Any) -> None:
    await add_point(linked_hub)
    async with played_appliance(await linked_hub.enrol()) as node:
        (task,) = await add_tasks(linked_hub)
        await node.wanted_tasks(1)

        node.be(online=False)

        lost = await task_in(linked_hub, task["id"], "unreachable")
        assert (lost["node_id"], lost["generation"]) == (node.node_id, 1)


@ON_SQLITE
async def test_a_line_that_an_algorithm_needs_is_asked_for_and_travels_with_masks_to_the_node(linked_hub: Any) -> None:
    await add_point(linked_hub)
    line = {"points": [[0.1, 0.5], [0.9, 0.5]], "counts": "to_left"}
    draft = {"name": "t", "point_ids": ["gate"], "algorithm_ids": ["fengsui.line_crossing"], "masks": [REGION]}
    async with played_appliance(await linked_hub.enrol()) as node:
        without = await linked_hub.console.post("/api/v1/tasks", json=draft)
        made = await linked_hub.console.post("/api/v1/tasks", json={**draft, "lines": [line]})
        wanted = (await node.wanted_tasks(1)).tasks[0]

    assert (without.status_code, without.json()["errors"][0]["field"]) == (422, "body.lines")
    assert made.json()[0]["lines"] == [line]
    assert wanted.lines[0].model_dump(mode="json") == line
    assert [list(map(list, mask)) for mask in wanted.masks] == [REGION]


async def test_changed_settings_keep_place_and_generation(linked_hub: Any) -> None:
    await add_point(linked_hub)
    async with played_appliance(await linked_hub.enrol()) as node:
        (task,) = await add_tasks(linked_hub)
        await node.wanted_tasks(1)

        changed = await linked_hub.console.patch(f"/api/v1/tasks/{task['id']}", json={"priority": 9})
        while (await node.wanted_tasks(1)).tasks[0].priority != 9:
            await node.listen()

    assert changed.json()["region"] == REGION
    assert node.work is not None
    assert node.work.tasks[0].generation == 1


@ON_SQLITE
async def test_settings_that_the_algorithm_does_not_take_are_refused_by_field(hub: Any) -> None:
    await add_point(hub)
    draft = {"name": "t", "point_ids": ["gate"], "algorithm_ids": ["fengsui.area_intrusion"]}

    unknown = await hub.console.post("/api/v1/tasks", json={**draft, "region": REGION, "parameters": {"speed": 1}})
    without_region = await hub.console.post("/api/v1/tasks", json=draft)
    no_point = await hub.console.post("/api/v1/tasks", json={**draft, "region": REGION, "point_ids": ["nowhere"]})
    flat = [[0.1, 0.1], [0.5, 0.5], [0.9, 0.9]]
    of_a_preset = {"preset": "1", "masks": [REGION, flat]}
    undrawn = [
        await hub.console.post("/api/v1/tasks", json={**draft, **drawn})
        for drawn in ({"region": flat}, {"region": REGION, "scenes": [of_a_preset]})
    ]

    assert [(refused.status_code, refused.json()["errors"][0]["field"]) for refused in undrawn] == [
        (422, "body.region"),
        (422, "body.scenes.0.masks.1"),
    ]
    assert (unknown.status_code, unknown.json()["errors"][0]["field"]) == (422, "body.parameters.speed")
    assert (without_region.status_code, without_region.json()["errors"][0]["field"]) == (422, "body.region")
    assert (no_point.status_code, no_point.json()["errors"][0]["field"]) == (422, "body.point_ids")


async def test_a_point_with_tasks_is_removed_only_by_force(hub: Any) -> None:
    await add_point(hub)
    (task,) = await add_tasks(hub)

    refused = await hub.console.delete("/api/v1/points/gate")
    forced = await hub.console.delete("/api/v1/points/gate", params={"force": "true"})

    assert (refused.status_code, refused.json()["code"]) == (409, "point_in_use")
    assert forced.status_code == 204
    assert (await hub.console.get(f"/api/v1/tasks/{task['id']}")).status_code == 404


@ON_SQLITE
async def test_an_algorithm_off_the_shelf_takes_no_new_task(hub: Any) -> None:
    await add_point(hub)
    (await hub.console.patch("/api/v1/algorithms/fengsui.area_intrusion", json={"on_shelf": False})).raise_for_status()

    draft = {"name": "t", "point_ids": ["gate"], "algorithm_ids": ["fengsui.area_intrusion"], "region": REGION}
    answer = await hub.console.post("/api/v1/tasks", json=draft)

    assert (answer.status_code, answer.json()["code"]) == (409, "algorithm_off_shelf")


async def test_tasks_are_listed_filtered_and_exported(hub: Any) -> None:
    await add_point(hub)
    await add_point(hub, "quay")
    await add_tasks(hub, "gate", "quay")

    one = (await hub.console.get("/api/v1/tasks", params={"point_id": "quay"})).json()
    none = (await hub.console.get("/api/v1/tasks", params={"status": "running"})).json()
    text = (await hub.console.get("/api/v1/tasks/export.csv")).content.decode("utf-8-sig")

    assert [task["point_id"] for task in one["items"]] == ["quay"]
    assert none["items"] == []
    assert len(text.splitlines()) == 3
    assert "待分配" in text
