"""Snapshot plans made at the hub, and what played appliances say of them."""

import hashlib
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update

from federation.messages import DesiredCaptures, DesiredWork, Lane, PlanAlgorithm, Shard
from federation.testing.played_appliance import PlayedAppliance, made_event, made_result, played_appliance
from hub.captures.keeping import DAY_US, CaptureKeeping
from hub.captures.sharing import photographed, shared_out
from hub.captures.tables import captures
from hub.config import Captures
from hub.database.moments import now_us
from hub.events.pictures import LARGEST_BYTES
from hub.storage import ContentStore
from tests.hub.conftest import ON_SQLITE
from tests.hub.repository.test_templates import upload
from tests.hub.scheduling.test_tasks import add_point

PLANS = "/api/v1/captures/plans"
JPEG = b"\xff\xd8\xff\xe0" + b"snapshot" * 50
DIGEST = f"sha256:{hashlib.sha256(JPEG).hexdigest()}"


def draft(*point_ids: str, **more: Any) -> dict[str, Any]:
    rounds = [{"point_id": point_id} for point_id in point_ids or ("gate",)]
    return {"name": "五分钟巡查", "every_s": 300, "rounds": rounds, **more}


def word(node_id: str, **more: Any) -> dict[str, Any]:
    """Return what a box says of a snapshot; `more` are fields of its detail."""
    now = datetime.now(UTC).isoformat()
    detail = {"plan_id": "plan", "point_id": "gate", "asked_at": now, "taken_at": now, "digest": DIGEST, **more}
    return made_result(node_id, type="snapshot", succeeded="reason" not in more, detail=detail)


def followed(node: PlayedAppliance) -> dict[str, list[str]] | None:
    """Return the points of each plan that a box was told, by the plan's name; None before it was told of any."""
    document = node.desired.get(Shard.CAPTURES)
    if not isinstance(document, DesiredCaptures):
        return None
    return {plan.name: [each.point_id for each in plan.rounds] for plan in document.plans}


async def listed(hub: Any, **query: Any) -> list[dict[str, Any]]:
    answer = await hub.console.get("/api/v1/captures", params=query)
    return list(answer.raise_for_status().json()["items"])


async def test_a_plan_goes_to_the_box_of_its_points_and_follows_every_change(linked_hub: Any) -> None:
    await add_point(linked_hub, "gate")
    await add_point(linked_hub, "yard")
    async with played_appliance(await linked_hub.enrol()) as node:
        made = await linked_hub.console.post(PLANS, json=draft("gate", "yard"))
        path = f"{PLANS}/{made.json()['plan_id']}"
        await node.listen_for(lambda: followed(node) == {"五分钟巡查": ["gate", "yard"]})
        (row,) = (await linked_hub.console.get(PLANS)).json()["items"]

        await linked_hub.console.put(path, json=draft("yard", name="夜间"))
        await node.listen_for(lambda: followed(node) == {"夜间": ["yard"]})
        await linked_hub.console.put(path, json=draft("yard", enabled=False))
        await node.listen_for(lambda: followed(node) == {})
        await linked_hub.console.put(path, json=draft("gate"))
        await node.listen_for(lambda: followed(node) == {"五分钟巡查": ["gate"]})
        (await linked_hub.console.delete("/api/v1/points/gate")).raise_for_status()
        await node.listen_for(lambda: followed(node) == {})
        removed = await linked_hub.console.delete(path)

    assert (made.status_code, removed.status_code) == (201, 204)
    assert (row["points"], row["points_away"], row["pictures"], row["works"]) == (2, 0, 2, True)
    assert (await linked_hub.console.get(PLANS)).json()["items"] == []
    actions = [entry["action"] for entry in (await linked_hub.console.get("/api/v1/audit")).json()["items"]]
    assert {"captures.plan.add", "captures.plan.change", "captures.plan.remove"} <= set(actions)


def looking(node: PlayedAppliance) -> tuple[list[Any], list[tuple[str, str]]]:
    """Return the algorithms of the plans that a box was told, and the packages that it was told to hold."""
    plans, work = node.desired.get(Shard.CAPTURES), node.desired.get(Shard.WORK)
    named = [plan.algorithm for plan in plans.plans] if isinstance(plans, DesiredCaptures) else []
    refs = work.packages if isinstance(work, DesiredWork) else ()
    return named, [(ref.algorithm_id, ref.version) for ref in refs if ref.digest is not None]


@ON_SQLITE
async def test_the_algorithm_of_a_plan_goes_to_the_boxes_that_take_its_pictures(
    linked_hub: Any, tmp_path: Path
) -> None:
    await add_point(linked_hub, "gate")
    await upload(linked_hub, tmp_path)
    named = {"algorithm_id": "example.detector", "version": "2.0.0"}
    wrong = [{**named, "version": "1.0.0"}, {**named, "algorithm_id": "fengsui.area_intrusion"}]
    refused = [await linked_hub.console.post(PLANS, json=draft(algorithm=each)) for each in wrong]
    async with played_appliance(await linked_hub.enrol()) as node:
        made = await linked_hub.console.post(PLANS, json=draft(algorithm=named))
        path = f"{PLANS}/{made.json()['plan_id']}"
        there = [PlanAlgorithm(**named)], [("example.detector", "2.0.0")]
        await node.listen_for(lambda: looking(node) == there)
        shown = (await linked_hub.console.get(path)).json()
        await linked_hub.console.put(path, json=draft())
        await node.listen_for(lambda: looking(node) == ([None], []))
    await linked_hub.console.patch("/api/v1/algorithms/example.detector", json={"on_shelf": False})
    off_shelf = await linked_hub.console.put(path, json=draft(algorithm=named))

    assert [(answer.status_code, answer.json()["code"]) for answer in refused] == [(422, "unknown_algorithm")] * 2
    assert (made.status_code, shown["algorithm"]) == (201, named)
    assert (off_shelf.status_code, off_shelf.json()["code"]) == (409, "algorithm_off_shelf")


async def test_what_a_box_took_is_listed_and_its_picture_shown_once_it_has_come(linked_hub: Any) -> None:
    await add_point(linked_hub)
    plan_id = (await linked_hub.console.post(PLANS, json=draft())).json()["plan_id"]
    member = await linked_hub.enrol()
    async with played_appliance(member) as node, linked_hub.node(member) as http:
        taken = word(node.node_id, plan_id=plan_id, width_px=1920, height_px=1080)
        failed = word(node.node_id, plan_id=plan_id, digest=None, taken_at=None, reason="unreachable: no route")
        other = made_result(node.node_id, type="camera.add")
        await node.hand_over(1, [taken, other, failed, taken], lane=Lane.RESULTS)
        waiting = await listed(linked_hub, state="done")
        (await http.put(f"/api/v1/pictures/{DIGEST}", content=JPEG)).raise_for_status()
        rows = await listed(linked_hub, plan_id=plan_id)
        picture = await linked_hub.console.get(rows[1]["picture_url"])

    assert [row["id"] for row in rows] == [failed["id"], taken["id"]]
    assert (waiting[0]["picture_url"], picture.content) == (None, JPEG)
    assert (rows[0]["state"], rows[0]["reason"], rows[0]["picture_url"]) == ("failed", "unreachable: no route", None)
    assert (rows[1]["point_name"], rows[1]["plan_name"], rows[1]["node_id"]) == (
        "点位 gate",
        "五分钟巡查",
        node.node_id,
    )
    (row,) = (await linked_hub.console.get(PLANS)).json()["items"]
    assert (row["done_last_hour"], row["failed_last_hour"]) == (1, 1)
    actions = [entry["action"] for entry in (await linked_hub.console.get("/api/v1/audit")).json()["items"]]
    assert "camera.add" in actions
    assert "snapshot" not in actions


async def test_a_picture_that_will_never_come_says_why(linked_hub: Any) -> None:
    def gone(node_id: str, snapshot_id: str, **more: Any) -> dict[str, Any]:
        detail = {"snapshot_id": snapshot_id, "reason": "picture_removed: it was removed", **more}
        return made_result(node_id, type="snapshot.gone", detail=detail)

    async with played_appliance(await linked_hub.enrol()) as node:
        me = node.node_id
        taken, coming, failed = word(me), word(me), word(me, digest=None, reason="unreachable: no route")
        never_heard_of, nonsense = gone(me, made_result(me)["id"]), gone(me, "../etc")
        rows = [never_heard_of, taken, coming, failed, nonsense, gone(me, failed["id"]), gone(me, taken["id"])]
        rows.append(gone(me, coming["id"], reason=""))
        ack = await node.hand_over(1, rows, lane=Lane.RESULTS)

    reasons = {row["id"]: (row["state"], row["reason"].partition(":")[0]) for row in await listed(linked_hub)}
    assert ack.upto == len(rows)
    assert reasons == {
        taken["id"]: ("done", "picture_removed"),
        coming["id"]: ("done", ""),
        failed["id"]: ("failed", "unreachable"),
    }


async def test_pictures_are_turned_over_page_by_page(linked_hub: Any) -> None:
    async with played_appliance(await linked_hub.enrol()) as node:
        rows = [word(node.node_id, point_id="gate" if number % 2 else "yard") for number in range(6)]
        await node.hand_over(1, rows, lane=Lane.RESULTS)

    first = (await linked_hub.console.get("/api/v1/captures", params={"point_id": "gate", "limit": 2})).json()
    rest = (
        await linked_hub.console.get(
            "/api/v1/captures", params={"point_id": "gate", "limit": 2, "after": first["next"]}
        )
    ).json()

    ids = [row["id"] for row in (*first["items"], *rest["items"])]
    assert ids == [rows[number]["id"] for number in (5, 3, 1)]
    assert rest["next"] is None
    assert first["items"][0]["plan_name"] == ""  # that plan is not known here


@ON_SQLITE
async def test_words_that_make_no_sense_are_rejected_and_stop_nobody(linked_hub: Any) -> None:
    async with played_appliance(await linked_hub.enrol()) as node:
        wrong = [
            made_result(node.node_id, type="snapshot"),
            word("someone-else"),
            word(node.node_id, plan_id="no slug"),
            word(node.node_id, digest="sha256:short"),
            word(node.node_id, width_px=2**40),
            word(node.node_id, reason="x" * 400),
            {**word(node.node_id), "id": "X" * 36},
            {"type": "snapshot"},
        ]
        good = word(node.node_id)

        ack = await node.hand_over(1, [*wrong, good], lane=Lane.RESULTS)

    assert ack.upto == len(wrong) + 1
    assert [row["id"] for row in await listed(linked_hub)] == [good["id"]]


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"every_s": 9}, "body.every_s"),
        ({"name": ""}, "body.name"),
        ({"rounds": []}, "body.rounds"),
        ({"rounds": [{"point_id": "gate"}, {"point_id": "gate"}]}, "body.rounds.1.point_id"),
        ({"rounds": [{"point_id": "nowhere"}]}, "body.rounds.0.point_id"),
        ({"target": {"url": "ftp://pool/"}}, "body.target.url"),
        ({"calendar": {"timezone": "Mars/Olympus"}}, "body.calendar.timezone"),
    ],
)
@ON_SQLITE
async def test_a_plan_that_makes_no_sense_is_refused(hub: Any, changes: dict[str, Any], field: str) -> None:
    await add_point(hub)

    refused = await hub.console.post(PLANS, json=draft(**changes))
    missing = await hub.console.put(f"{PLANS}/nothing", json=draft())

    assert (refused.status_code, [each["field"] for each in refused.json()["errors"]]) == (422, [field])
    assert missing.status_code == 404
    assert (await hub.console.get(PLANS)).json()["items"] == []


@ON_SQLITE
async def test_the_key_of_a_service_is_never_shown_and_stays_with_its_address(hub: Any) -> None:
    await add_point(hub)
    target = {"url": "https://pool.example/in", "token": "key-of-the-pool"}
    made = await hub.console.post(PLANS, json=draft(target=target))
    path = f"{PLANS}/{made.json()['plan_id']}"

    kept = await hub.console.put(path, json=draft(target={"url": target["url"], "method": "PUT"}))
    moved = await hub.console.put(path, json=draft(target={"url": "https://other.example/in"}))
    told = [answer.text for answer in (made, kept, moved, await hub.console.get("/api/v1/audit"))]

    assert [answer.json()["target"]["has_token"] for answer in (made, kept, moved)] == [True, True, False]
    assert not any("key-of-the-pool" in text for text in told)


@ON_SQLITE
async def test_who_may_only_look_makes_no_plan(hub: Any) -> None:
    await add_point(hub)
    async with hub.signed_in("viewer") as viewer:
        listed_plans = await viewer.get(PLANS)
        refused = await viewer.post(PLANS, json=draft())

    assert (listed_plans.status_code, refused.status_code) == (200, 403)


async def test_the_oldest_give_way_with_their_pictures_but_not_with_those_of_events(linked_hub: Any) -> None:
    database = linked_hub.hub.foundation.database
    store = ContentStore(linked_hub.hub.foundation.config.data_folder / "pictures", limit_bytes=LARGEST_BYTES)
    keeping = CaptureKeeping(database=database, store=store, bounds=Captures(keep_days=2))
    shared, own = JPEG + b"1", JPEG + b"2"
    digests = [f"sha256:{hashlib.sha256(content).hexdigest()}" for content in (shared, own)]
    member = await linked_hub.enrol()
    async with played_appliance(member) as node, linked_hub.node(member) as http:
        await node.hand_over(1, [made_event(node.node_id, digest=digests[0])])
        rows = [word(node.node_id, digest=digest) for digest in (*digests, DIGEST)]
        await node.hand_over(1, rows, lane=Lane.RESULTS)
        for digest, content in zip((*digests, DIGEST), (shared, own, JPEG), strict=True):
            (await http.put(f"/api/v1/pictures/{digest}", content=content)).raise_for_status()
    old = [row["id"] for row in rows[:2]]
    aged = update(captures).where(captures.c.id.in_(old)).values(received_at_us=now_us() - 3 * DAY_US)
    await database.run(lambda connection: connection.execute(aged))

    steps = [await keeping.step(), await keeping.step()]

    assert steps == [True, False]
    assert [row["id"] for row in await listed(linked_hub)] == [rows[2]["id"]]
    found = [await linked_hub.console.get(f"/api/v1/pictures/{digest}") for digest in (*digests, DIGEST)]
    assert [answer.status_code for answer in found] == [200, 404, 200]


def plan(plan_id: str, *point_ids: str, enabled: bool = True) -> dict[str, Any]:
    return {"plan_id": plan_id, "enabled": enabled, "rounds": [{"point_id": point_id} for point_id in point_ids]}


def test_each_box_gets_the_points_that_are_at_home_there() -> None:
    plans = [plan("a", "p1", "p2", "p3"), plan("b", "p2"), plan("c", "p1", enabled=False), plan("d", "p4")]

    shares = shared_out(plans, {"p1": "n1", "p2": "n2", "p3": "n1"})

    assert shares == {"n1": [plan("a", "p1", "p3")], "n2": [plan("a", "p2"), plan("b", "p2")]}
    assert photographed(plans) == {"p1", "p2", "p3", "p4"}
