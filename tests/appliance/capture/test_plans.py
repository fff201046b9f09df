"""Plans of a running agent: kept, followed, changed and refused."""

from pathlib import Path
from typing import Any

from appliance.capture.lanes import Lanes
from appliance.capture.order import Origin
from federation.testing.waiting import until
from tests.appliance.capture.conftest import Box, running_box
from tests.appliance.capture.test_lanes import NOW, order
from tests.appliance.panel.test_api import POINT, config_in, results_of


def draft(**changes: Any) -> dict[str, Any]:
    return {"name": "巡查", "every_s": 10, "rounds": [{"point_id": POINT}], **changes}


async def test_a_plan_takes_pictures_by_itself_until_it_is_removed(box: Box) -> None:
    made = await box.panel.post("/api/v1/snapshots/plans", json=draft())
    plan_id = made.json()["plan_id"]
    await box.watched()
    row = (await planned(box))[-1]
    removed = await box.panel.delete(f"/api/v1/snapshots/plans/{plan_id}")

    assert made.status_code == 201
    assert (made.json()["cameras"], made.json()["pictures"], made.json()["works"]) == (1, 1, True)
    assert (row["state"], row["origin"], row["plan_id"]) == ("done", "plan", plan_id)
    assert removed.status_code == 204
    assert (await box.panel.get("/api/v1/snapshots/plans")).json()["items"] == []
    noted = [result[0] for result in results_of(box.config) if result[0].startswith("snapshots.")]
    assert noted == ["snapshots.plan.add", "snapshots.plan.remove"]


async def planned(box: Box) -> list[dict[str, Any]]:
    """Return what plans have taken while key frames arrive, once there is something."""

    async def items() -> list[dict[str, Any]]:
        box.send()
        return list((await box.panel.get("/api/v1/snapshots", params={"state": "done"})).json()["items"])

    await until(items, within_s=60, what="a planned picture")
    return await items()


async def test_a_plan_is_changed_as_a_whole_and_outlives_a_restart(tmp_path: Path) -> None:
    calendar = {
        "windows": [{"days": [1, 2], "start": "08:00:00", "end": "18:00:00"}],
        "timezone": "Asia/Shanghai",
        "special": [{"day": "2026-10-01", "hours": []}],
    }
    rounds = [{"point_id": POINT, "stops": [{"region": {"x": 0, "y": 0, "width": 0.5, "height": 0.5}, "dwell_s": 3}]}]
    async with running_box(config_in(tmp_path)) as box:
        made = (await box.panel.post("/api/v1/snapshots/plans", json=draft(enabled=False))).json()
        path = f"/api/v1/snapshots/plans/{made['plan_id']}"
        body = draft(name="夜间", enabled=False, calendar=calendar, rounds=rounds)
        changed = await box.panel.put(path, json=body)
        kept = (await box.panel.get(path)).json()
    async with running_box(config_in(tmp_path)) as box:
        again = (await box.panel.get(path)).json()

    assert changed.status_code == 200
    assert (kept["name"], kept["calendar"]["special"][0]["day"]) == ("夜间", "2026-10-01")
    assert kept["rounds"][0]["stops"][0]["dwell_s"] == 3
    assert again == kept


async def test_a_plan_that_cannot_be_is_refused_with_the_field_at_fault(box: Box) -> None:
    twice = [{"point_id": POINT}, {"point_id": POINT}]
    backwards = {"windows": [{"start": "09:00:00", "end": "08:00:00"}]}
    bodies = [
        draft(rounds=[{"point_id": "nowhere"}]),
        draft(rounds=twice),
        draft(every_s=9),
        draft(name=""),
        draft(calendar=backwards),
    ]

    answers = [await box.panel.post("/api/v1/snapshots/plans", json=body) for body in bodies]

    assert [(answer.status_code, answer.json()["errors"][0]["field"]) for answer in answers] == [
        (422, "body.rounds.0.point_id"),
        (422, "body.rounds.1.point_id"),
        (422, "body.every_s"),
        (422, "body.name"),
        (422, "body.calendar.windows.0"),
    ]
    assert (await box.panel.get("/api/v1/snapshots/plans")).json()["items"] == []


async def test_a_plan_that_is_not_there_is_told_so(box: Box) -> None:
    path = "/api/v1/snapshots/plans/none"

    answers = [await box.panel.get(path), await box.panel.put(path, json=draft()), await box.panel.delete(path)]

    assert [answer.status_code for answer in answers] == [404] * 3


def test_a_plan_that_is_faster_than_the_box_skips_a_turn_and_counts_it() -> None:
    lanes = Lanes()
    first, second = (order(name, plan="patrol") for name in ("a", "b"))

    taken = [lanes.put(each, NOW) for each in (first, second, order("c", plan="another"))]

    assert taken == [True, False, True]
    assert lanes.dropped == {Origin.PLAN: 1}
