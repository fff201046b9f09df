"""A task whose appliance is dead goes to another one, and what the first still reports is told apart."""

from typing import Any

import pytest

from federation.testing.played_appliance import made_event, played_appliance
from federation.testing.waiting import until
from tests.hub.conftest import Served
from tests.hub.neighbours import beating, held
from tests.hub.scheduling.test_tasks import add_point, add_tasks


@pytest.fixture
def database_url() -> str:
    """SQLite alone: what is tested here knows no database."""
    return ""


async def events_of(hub: Served, **query: Any) -> list[dict[str, Any]]:
    return list((await hub.console.get("/api/v1/events", params=query)).raise_for_status().json()["items"])


async def test_events_of_a_placement_that_was_replaced_are_kept_and_marked(watching: Served) -> None:
    await add_point(watching)
    member = await watching.enrol("a-first")
    async with played_appliance(member) as first:
        await held(watching, "a-first", "online")
        (task,) = await add_tasks(watching, on_cut={"move_after_s": 600})
        await first.wanted_tasks(1)
    await held(watching, "a-first", "unknown")

    async with beating(watching, "b-second") as second:
        await held(watching, "b-second", "online")
        await watching.console.post("/api/v1/nodes/a-first/declaration", json={"alive": False})
        await until(lambda: second.work and second.work.tasks, within_s=60, what="the task has moved")
        assert second.work is not None
        assert (second.work.tasks[0].task_id, second.work.tasks[0].generation) == (task["id"], 2)
        seen = {"task_id": task["id"]}
        second.send(1, [made_event("b-second", generation=2, **seen)])
        async with played_appliance(member) as first:
            await first.hand_over(1, [made_event("a-first", generation=1, **seen)])
            await first.wanted_tasks(0)

        async def both() -> bool:
            return len(await events_of(watching)) == 2

        await until(both, within_s=60, what="both events are stored")

    marked = await events_of(watching, superseded=True)
    assert [(event["node_id"], event["superseded"]) for event in marked] == [("a-first", True)]
    assert [event["node_id"] for event in await events_of(watching, superseded=False)] == ["b-second"]
    audit = (await watching.console.get("/api/v1/audit")).json()["items"]
    assert [(row["actor_kind"], row["subject"]) for row in audit if row["action"] == "task.move"] == [
        ("hub", f"task:{task['id']}")
    ]


async def test_an_event_of_an_uncertain_clock_says_so(watching: Served) -> None:
    async with beating(watching, "a-first", clock="unsynchronised") as node:
        node.send(1, [made_event("a-first", clock="unsynchronised")])

        async def stored() -> list[dict[str, Any]]:
            return await events_of(watching)

        (event,) = await until(stored, within_s=60, what="the event is stored")

    assert event["clock"] == "unsynchronised"
    assert (await watching.console.get("/api/v1/nodes/a-first")).json()["clock"] == "unsynchronised"


@pytest.mark.parametrize("on_cut", [{"move_after_s": 4.9}, {"fence_after_s": 86_401}, {"fence_after_s": -1}])
async def test_a_policy_beyond_its_limits_is_refused_by_its_field(hub: Served, on_cut: dict[str, float]) -> None:
    await add_point(hub)
    draft = {"name": "t", "point_ids": ["gate"], "algorithm_ids": ["fengsui.area_intrusion"], "on_cut": on_cut}

    refused = await hub.console.post("/api/v1/tasks", json=draft)

    (name,) = on_cut
    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, f"body.on_cut.{name}")
