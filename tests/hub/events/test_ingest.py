"""Events from appliances into the hub's database, over a real broker."""

import csv
import hashlib
import itertools
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from sqlalchemy import select

from federation.messages import BATCH_ROWS, CameraReport, CameraState
from federation.testing.played_appliance import made_event, played_appliance
from federation.testing.waiting import until
from hub.custody.tables import custody_cursors, rejected_rows
from tests.hub.conftest import ON_SQLITE

JPEG = b"\xff\xd8\xff\xe0" + b"picture" * 50
DIGEST = f"sha256:{hashlib.sha256(JPEG).hexdigest()}"
BEIJING = timezone(timedelta(hours=8))  # where a day of the city begins


async def listed(hub: Any, **query: Any) -> list[dict[str, Any]]:
    answer = await hub.console.get("/api/v1/events", params=query)
    return list(answer.raise_for_status().json()["items"])


async def test_events_handed_over_are_acknowledged_once_they_can_be_listed(linked_hub: Any) -> None:
    async with played_appliance(await linked_hub.enrol()) as node:
        await node.hello(following=3)
        rows = [made_event(node.node_id), made_event(node.node_id)]

        ack = await node.hand_over(1, rows)

        assert ack.upto == 2
        assert [row["id"] for row in await listed(linked_hub)] == [rows[1]["id"], rows[0]["id"]]


async def test_a_repeated_batch_is_acknowledged_again_and_stored_once(linked_hub: Any) -> None:
    async with played_appliance(await linked_hub.enrol()) as node:
        await node.hello(following=2)
        rows = [made_event(node.node_id)]
        await node.hand_over(1, rows)

        again = await node.hand_over(1, rows)

        assert again.upto == 1
        assert len(await listed(linked_hub)) == 1


@ON_SQLITE
async def test_a_lane_that_got_no_credit_is_told_when_its_turn_has_come(linked_hub: Any) -> None:
    async with played_appliance(await linked_hub.enrol()) as node:
        answer = await node.hello(following=5001)
        for number in itertools.count():
            node.epoch = f"epoch-{number}"  # each is a lane of its own
            answer = await node.hello(following=5001)
            if not answer.credit:
                break

        told = await node.answer()
        while told.epoch != answer.epoch or not told.credit:
            told = await node.answer()

    assert told.credit >= BATCH_ROWS


async def test_an_event_that_came_by_another_path_is_counted_and_not_stored_again(linked_hub: Any) -> None:
    async with played_appliance(await linked_hub.enrol()) as node:
        row = made_event(node.node_id)
        await node.hand_over(1, [row])
        node.epoch = "epoch-2"

        ack = await node.hand_over(1, [row])

        assert (ack.epoch, ack.upto) == ("epoch-2", 1)
        assert len(await listed(linked_hub)) == 1
        database = linked_hub.hub.foundation.database
        repeated = select(custody_cursors.c.repeated).where(custody_cursors.c.epoch == "epoch-2")
        assert await database.run(lambda connection: connection.scalar(repeated)) == 1


async def test_a_row_that_is_no_event_is_kept_as_rejected_and_stops_nobody(linked_hub: Any) -> None:
    async with played_appliance(await linked_hub.enrol()) as node:
        good = made_event(node.node_id)
        foreign = made_event("someone-else")
        overlong = made_event(node.node_id, task_id="x" * 100)

        ack = await node.hand_over(1, [{"id": "nonsense\x00"}, foreign, overlong, good])

        assert ack.upto == 4
        assert [row["id"] for row in await listed(linked_hub)] == [good["id"]]
        database = linked_hub.hub.foundation.database
        reasons = await database.run(
            lambda connection: (
                connection.execute(select(rejected_rows.c.reason).order_by(rejected_rows.c.sequence)).scalars().all()
            )
        )
        assert [reason.partition(":")[0] for reason in reasons] == ["id", "source", "data.task_id"]


async def test_a_hole_is_refused_and_the_sender_told_where_to_go_on(linked_hub: Any) -> None:
    async with played_appliance(await linked_hub.enrol()) as node:
        await node.hand_over(1, [made_event(node.node_id)])

        ack = await node.hand_over(3, [made_event(node.node_id)])

        assert (ack.upto, ack.nak) == (1, True)
        assert len(await listed(linked_hub)) == 1


async def test_rows_that_an_appliance_lost_are_shown_as_a_gap(linked_hub: Any) -> None:
    async with played_appliance(await linked_hub.enrol()) as node:
        ack = await node.hello(base=5, following=6)

        assert ack.upto == 4
        gaps = (await linked_hub.console.get("/api/v1/gaps")).raise_for_status().json()["items"]
        assert [(gap["first"], gap["last"], gap["reason"]) for gap in gaps] == [(1, 4, "unknown")]


async def test_rows_that_an_appliance_gave_up_are_a_gap_with_its_reason_and_the_lane_goes_on(linked_hub: Any) -> None:
    async with played_appliance(await linked_hub.enrol()) as node:
        rows = [made_event(node.node_id) for _ in range(3)]
        await node.hand_over(1, rows[:2])

        ack = await node.give_up(2, 9, "disk_full")
        again = await node.give_up(2, 9, "disk_full")
        after = await node.hand_over(10, rows[2:])

        assert (ack.upto, again.upto, after.upto) == (9, 9, 10)
        gaps = (await linked_hub.console.get("/api/v1/gaps")).raise_for_status().json()["items"]
        assert [(gap["lane"], gap["first"], gap["last"], gap["reason"]) for gap in gaps] == [
            ("events", 3, 9, "disk_full")
        ]
        assert len(await listed(linked_hub)) == 3


async def test_the_answer_to_a_hello_gives_back_the_mark_of_the_last_row(linked_hub: Any) -> None:
    async with played_appliance(await linked_hub.enrol()) as node:
        await node.hand_over(1, [made_event(node.node_id)], mark="first")
        await node.hand_over(2, [made_event(node.node_id)], mark="second")
        await node.hand_over(2, [made_event(node.node_id)], mark="another row by the same number")

        ack = await node.hello(following=3)

        assert (ack.upto, ack.mark) == (2, "second")


@ON_SQLITE
async def test_sequence_numbers_beyond_the_database_are_ignored(linked_hub: Any) -> None:
    async with played_appliance(await linked_hub.enrol()) as node:
        node.send(2**70, [made_event(node.node_id)])

        ack = await node.hand_over(1, [made_event(node.node_id)])

        assert ack.upto == 1
        assert linked_hub.hub.foundation.link.failed == 0


async def test_a_picture_may_come_before_or_after_its_event(linked_hub: Any) -> None:
    member = await linked_hub.enrol()
    async with played_appliance(member) as node, linked_hub.node(member) as http:
        await node.hand_over(1, [made_event(node.node_id, digest=DIGEST)])
        before = (await listed(linked_hub))[0]["pictures"][0]

        put = await http.put(f"/api/v1/pictures/{DIGEST}", content=JPEG, headers={"Content-Type": "image/jpeg"})
        again = await http.put(f"/api/v1/pictures/{DIGEST}", content=JPEG, headers={"Content-Type": "image/jpeg"})

        after = (await listed(linked_hub))[0]["pictures"][0]
        assert (put.status_code, again.status_code) == (204, 204)
        assert (before["arrived"], after["arrived"]) == (False, True)
        got = await linked_hub.console.get(after["url"])
        assert (got.content, got.headers["Content-Type"]) == (JPEG, "image/jpeg")


@pytest.mark.parametrize(
    ("content", "status", "code"),
    [(JPEG + b"!", 422, "digest_mismatch"), (b"GIF89a" * 10, 415, "not_a_jpeg"), (b"", 415, "not_a_jpeg")],
)
@ON_SQLITE
async def test_wrong_bytes_are_no_picture(hub: Any, content: bytes, status: int, code: str) -> None:
    member = await hub.enrol()
    async with hub.node(member) as http:
        answer = await http.put(f"/api/v1/pictures/{DIGEST}", content=content)

    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert (await hub.console.get(f"/api/v1/pictures/{DIGEST}")).status_code == 404


@ON_SQLITE
async def test_only_a_node_hands_pictures_over(hub: Any) -> None:
    async with hub.stranger() as client:
        unnamed = await client.put(f"/api/v1/pictures/{DIGEST}", content=JPEG)
    over_console = await hub.console.put(f"/api/v1/pictures/{DIGEST}", content=JPEG)

    assert (unnamed.status_code, unnamed.json()["code"]) == (401, "not_signed_in")
    assert over_console.status_code == 405


async def test_a_verdict_is_kept_audited_and_can_be_taken_back(linked_hub: Any) -> None:
    async with played_appliance(await linked_hub.enrol()) as node, linked_hub.signed_in("operator") as operator:
        row = made_event(node.node_id)
        await node.hand_over(1, [row])
        address = f"/api/v1/events/{row['id']}/verdict"

        judged = (await operator.put(address, json={"verdict": "true", "note": "确认"})).raise_for_status().json()
        pending = await listed(linked_hub, verdict="pending")
        back = (await operator.put(address, json={"verdict": "pending"})).raise_for_status().json()

        assert (judged["verdict"], judged["judged_by"], judged["note"]) == ("true", "some-operator", "确认")
        assert pending == []
        assert (back["verdict"], back["judged_by"], back["judged_at"]) == ("pending", None, None)
        audit = (await linked_hub.console.get("/api/v1/audit", params={"action": "event.judge"})).json()["items"]
        assert [entry["detail"]["to"] for entry in audit] == ["pending", "true"]


async def test_events_are_paged_and_filtered(linked_hub: Any) -> None:
    async with played_appliance(await linked_hub.enrol()) as node:
        rows = [made_event(node.node_id, point_id=f"p{number % 2}") for number in range(5)]
        await node.hand_over(1, rows)

        first = (await linked_hub.console.get("/api/v1/events", params={"limit": 2})).json()
        second = (await linked_hub.console.get("/api/v1/events", params={"limit": 2, "after": first["next"]})).json()

        assert [item["id"] for item in first["items"] + second["items"]] == [row["id"] for row in rows[:0:-1]]
        assert first["total"] == 5
        assert {row["point_id"] for row in await listed(linked_hub, point_id="p1")} == {"p1"}
        assert await listed(linked_hub, text="nowhere") == []


async def test_a_parent_s_code_stands_for_those_of_its_children_and_for_no_other(linked_hub: Any) -> None:
    types = ("bin/overflow", "bin/lid/open", "bins/full", "bin_x/full")
    async with played_appliance(await linked_hub.enrol()) as node:
        await node.hand_over(1, [made_event(node.node_id, type=type_) for type_ in types])

        found = {wanted: await listed(linked_hub, type=wanted) for wanted in ("bin", "bin/overflow", "bin_", "bi")}

    assert {row["type"] for row in found["bin"]} == {"bin/overflow", "bin/lid/open"}
    assert [len(rows) for rows in found.values()] == [2, 1, 0, 0]


@ON_SQLITE
async def test_a_page_cursor_that_is_none_is_refused(hub: Any) -> None:
    answer = await hub.console.get("/api/v1/events", params={"after": "newest"})

    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_input")


async def test_events_export_as_csv_with_native_headings(linked_hub: Any) -> None:
    async with played_appliance(await linked_hub.enrol()) as node:
        await node.hand_over(1, [made_event(node.node_id)])

        text = (await linked_hub.console.get("/api/v1/events/export.csv")).content.decode("utf-8-sig")

        heading, row = text.splitlines()
        assert heading.startswith("事件编号,事件类型,")
        assert "区域入侵" in row
        assert "待核验" in row


async def test_an_event_is_listed_and_exported_with_the_preset_at_which_it_was_seen(linked_hub: Any) -> None:
    async with played_appliance(await linked_hub.enrol()) as node:
        elsewhere = made_event(node.node_id)
        del elsewhere["data"]["preset"], elsewhere["data"]["preset_name"]  # as boxes of before send it
        await node.hand_over(1, [elsewhere, made_event(node.node_id, preset="3", preset_name="大门")])

        rows = await listed(linked_hub)
        sheet = (await linked_hub.console.get("/api/v1/events/export.csv")).content.decode("utf-8-sig")

    assert [(row["preset"], row["preset_name"]) for row in rows] == [("3", "大门"), (None, "")]
    assert [row["预置位"] for row in csv.DictReader(sheet.splitlines())] == ["大门", ""]


async def test_a_point_shows_its_stream_its_events_and_its_newest_picture(linked_hub: Any) -> None:
    point = {"id": "gate", "name": "东门", "stream_url": "rtsp://127.0.0.1/gate", "longitude": 120.1, "latitude": 30.2}
    (await linked_hub.console.post("/api/v1/points", json=point)).raise_for_status()
    member = await linked_hub.enrol()
    async with played_appliance(member) as node, linked_hub.node(member) as http:
        node.report(cameras=(CameraReport(point_id="gate", state=CameraState.LIVE),))
        event = made_event(node.node_id, digest=DIGEST)
        await node.hand_over(1, [event])
        (await http.put(f"/api/v1/pictures/{DIGEST}", content=JPEG)).raise_for_status()

        async def live() -> Any:
            shown = (await linked_hub.console.get("/api/v1/points/gate")).json()
            return shown if shown["camera_state"] == "live" else None

        shown = await until(live, within_s=60, what="the point is live")
        picture = await linked_hub.console.get("/api/v1/points/gate/picture.jpg")
        overview = (await linked_hub.console.get("/api/v1/overview")).raise_for_status().json()
        asked_at = datetime.now(UTC)

    seen_at = datetime.fromisoformat(event["time"])
    is_of_today = seen_at.astimezone(BEIJING).date() == asked_at.astimezone(BEIJING).date()
    by_hour = {datetime.fromisoformat(each["hour"]): each["count"] for each in overview["by_hour"]}
    assert shown["node_id"] == node.node_id
    assert {shown["events_today"], overview["events_today"]} == {1} or not is_of_today  # midnight has come in between
    assert picture.content == JPEG
    assert (overview["points_live"], overview["events_total"], overview["pending"]) == (1, 1, 1)
    assert [kind["name_zh"] for kind in overview["by_type"]] == ["区域入侵"] or not is_of_today
    assert by_hour[seen_at.replace(minute=0, second=0, microsecond=0)] == 1
    assert overview["latency_p50_ms"] is not None
