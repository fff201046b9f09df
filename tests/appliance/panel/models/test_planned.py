"""Pictures of a snapshot plan that an algorithm of the same box looks at: real agent, real engine, a planted model."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from appliance.streams.consumers import Consumers, serving
from appliance.streams.feeds import Feeds
from federation.testing.waiting import until
from tests.appliance.panel.models.planted import JPEG, NAME, PlantedBox, planted_box, send
from tests.appliance.panel.test_api import POINT

PLANS = "/api/v1/snapshots/plans"
PLAN: dict[str, Any] = {"name": "巡查", "every_s": 10, "rounds": [{"point_id": POINT}]}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def box(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[PlantedBox]:
    async with planted_box(tmp_path_factory.mktemp("box")) as found:
        await found.add_camera()
        yield found


pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_what_a_plan_takes_is_looked_at_by_its_algorithm(box: PlantedBox) -> None:
    feeds = Feeds()

    async def handed_over() -> dict[str, Any] | None:
        send(feeds)
        rows = (await box.panel.get("/api/v1/snapshots", params={"state": "done"})).json()["items"]
        return next((row for row in rows if row["analysis"] == "done"), None)

    async with serving(Consumers(feeds), box.config.run_folder):
        made = await box.panel.post(PLANS, json={**PLAN, "algorithm": NAME})
        path = f"{PLANS}/{made.json()['plan_id']}"
        snapshot = await until(handed_over, within_s=120, what="a picture that is in a picture task")
        kept = (await box.panel.get(path)).json()
        await box.panel.delete(path)
    assert isinstance(snapshot, dict)
    task = f"/api/v1/picture-jobs/{snapshot['analysis_task']}"
    job = await box.ended(task)
    rows = {row["name"]: row for row in (await box.panel.get(f"{task}/results")).json()["items"]}
    row = rows[snapshot["id"]]
    picture = await box.panel.get(f"{task}/results/{row['number']}/picture")

    assert (made.status_code, kept["algorithm"]) == (201, NAME)
    assert (job["state"], job["faults"], job["algorithm_id"]) == ("done", 0, NAME["algorithm_id"])
    assert not job["queue"]  # this box has none
    assert job["of_plan"]
    assert [event["code"] for event in row["verdict"]["events"]] == ["test.planted/x"]
    assert picture.content == JPEG
    assert (snapshot["plan_id"], snapshot["analysis_reason"]) == (made.json()["plan_id"], "")


async def test_a_plan_cannot_name_an_algorithm_that_the_box_does_not_hold(box: PlantedBox) -> None:
    unknown = {**NAME, "version": "9.0.0"}

    refused = await box.panel.post(PLANS, json={**PLAN, "algorithm": unknown})
    malformed = await box.panel.post(PLANS, json={**PLAN, "algorithm": {"algorithm_id": "../x", "version": ""}})
    kept = (await box.panel.get(PLANS)).json()["items"]

    assert (refused.status_code, refused.json()["code"]) == (422, "unknown_algorithm")
    assert refused.json()["errors"][0]["field"] == "body.algorithm"
    assert (malformed.status_code, malformed.json()["code"]) == (422, "invalid_input")
    assert kept == []
