"""Parcels into the hub's database: in any order, beside the broker, hostile, and let in by people alone."""

import hashlib
from typing import Any

import pytest

from federation.crypto import SigningKey
from federation.exchange import Item, ParcelKind
from federation.testing.played_appliance import made_event, played_appliance
from federation.testing.waiting import until

JPEG = b"\xff\xd8\xff\xe0" + b"picture" * 50
on_both_databases = pytest.mark.parametrize(
    "database_url", ["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)], indirect=True
)
DIGEST = f"sha256:{hashlib.sha256(JPEG).hexdigest()}"


@on_both_databases
async def test_rows_may_come_in_any_order_and_holes_are_counted_until_they_are_filled(hub: Any, join: Any) -> None:
    box = await join(hub)
    events = [made_event(box.node_id) for _ in range(6)]
    parcels = [box.parcel(box.rows(first, events[first - 1 : first + 1])) for first in (1, 3, 5)]

    box.put(*parcels[2])
    await box.taken(1)
    assert (await box.node())["holes"] == 4
    assert (await box.node())["missing"] == [[1, 2]]
    box.put(*parcels[0])
    await box.taken(2)
    assert (await box.node())["holes"] == 2
    box.put(*parcels[1])
    await box.taken(3)

    node = await box.node()
    assert (node["holes"], node["missing"], node["taken_serial"]) == (0, [], 3)
    assert sorted(await box.event_ids()) == sorted(event["id"] for event in events)


async def test_a_parcel_that_comes_again_changes_nothing_and_is_counted(hub: Any, join: Any) -> None:
    box = await join(hub)
    parcel = box.parcel(box.rows(1, [made_event(box.node_id)]))
    box.put(*parcel)
    await box.taken(1)

    box.put(*parcel)

    await box.refused("replayed")
    assert len(await box.event_ids()) == 1
    assert (await box.state())["quarantined"] == 1


@on_both_databases
async def test_a_lane_goes_by_files_and_by_the_broker_at_once(linked_hub: Any, join: Any) -> None:
    member = await linked_hub.enrol("gate-1")
    box = await join(linked_hub, serial="serial-gate-1")
    assert box.node_id == member.identity.node_id
    events = [made_event(box.node_id) for _ in range(9)]
    async with played_appliance(member) as node:
        node.epoch = box.epoch
        await node.hand_over(1, events[:3])
        box.put(*box.parcel(box.rows(2, events[1:3]), box.rows(6, events[5:7])))
        await box.taken(1)

        ahead = await node.hello(following=10)
        filled = await node.hand_over(4, events[3:6])
        rest = await node.hand_over(8, events[7:])

    assert (ahead.upto, ahead.beyond) == (3, ((6, 7),))
    assert (filled.upto, filled.beyond) == (7, ())
    assert rest.upto == 9
    assert sorted(await box.event_ids()) == sorted(event["id"] for event in events)


@on_both_databases
async def test_a_restored_box_that_gives_numbers_twice_loses_nothing(hub: Any, join: Any) -> None:
    box = await join(hub, two_way=False)
    box.put(*box.parcel(box.rows(1, [made_event(box.node_id) for _ in range(3)])))
    await box.taken(1)
    again = [made_event(box.node_id), made_event(box.node_id)]
    box.serial, box.stream = 0, "another-start"

    box.put(*box.parcel(box.rows(2, again)))

    await box.taken(2)
    assert len(await box.event_ids()) == 5


@on_both_databases
async def test_pictures_come_by_file_and_bad_ones_stop_nobody(hub: Any, join: Any) -> None:
    box = await join(hub)
    box.put(*box.parcel(box.rows(1, [made_event(box.node_id, digest=DIGEST)])))
    wrong = Item(f"picture/{DIGEST}", b"\xff\xd8\xffsomething else")

    box.put(*box.parcel(wrong, Item("picture/nonsense", JPEG), kind=ParcelKind.PICTURES))
    await box.taken(2)
    assert (await box.node())["pictures_missing"] == 1
    box.put(*box.parcel(Item(f"picture/{DIGEST}", JPEG), kind=ParcelKind.PICTURES))
    await box.taken(3)

    assert (await box.node())["pictures_missing"] == 0
    assert (await hub.console.get(f"/api/v1/pictures/{DIGEST}")).content == JPEG


async def test_items_that_are_malformed_or_of_another_node_are_passed_over(hub: Any, join: Any) -> None:
    box, other = await join(hub), await join(hub, name="gate-2", serial="box-2")
    good = made_event(box.node_id)
    foreign = other.rows(1, [made_event(other.node_id)])
    items = [Item("u/b/events", b"{"), Item("u/hello", b"\xff"), Item("x/taken", b"[]"), Item("x/report", b"{}")]

    box.put(*box.parcel(*items, foreign, Item("from/the/future", b"?"), Item("s", b"nonsense"), box.rows(1, [good])))

    await box.taken(1)
    assert await box.event_ids() == [good["id"]]


async def test_nothing_of_a_stranger_or_of_a_removed_node_is_taken(hub: Any, join: Any) -> None:
    box = await join(hub)
    await join(hub, name="gate-2", serial="box-2")
    stranger = box.parcel(box.rows(1, [made_event("stranger")]), sender="stranger")
    box.put(*stranger)
    await box.refused("unknown_sender")
    (await hub.console.delete(f"/api/v1/nodes/{box.node_id}")).raise_for_status()

    box.put(*box.parcel(box.rows(1, [made_event(box.node_id)])))

    async def twice() -> bool:
        return bool((await box.state())["refused"]["unknown_sender"] == 2)

    await until(twice, within_s=60, what="the removed node's parcel is refused")
    assert await box.event_ids() == []


async def test_a_box_with_another_key_takes_the_place_of_the_one_before(hub: Any, join: Any) -> None:
    before = await join(hub)

    after = await join(hub)

    assert after.node_id == before.node_id
    before.put(*before.parcel(before.rows(1, [made_event(before.node_id)])))
    await before.refused("wrong_signature")
    after.put(*after.parcel(after.rows(1, [made_event(after.node_id)])))
    await after.taken(1)
    assert len(await after.event_ids()) == 1


async def test_a_node_beyond_a_border_is_online_while_its_parcels_come(hub: Any, join: Any) -> None:
    box = await join(hub)
    node = (await hub.console.get(f"/api/v1/nodes/{box.node_id}")).raise_for_status().json()
    assert node["state"] == "awaited"

    box.put(*box.parcel(box.presence()))
    await box.taken(1)

    node = (await hub.console.get(f"/api/v1/nodes/{box.node_id}")).raise_for_status().json()
    assert node["state"] == "online"


@pytest.mark.parametrize("text", ["", "{}", "x" * 40_000, '{"document": "{}", "key": "", "signature": ""}'])
async def test_what_is_no_request_lets_nobody_in(hub: Any, text: str) -> None:
    answer = await hub.console.post("/api/v1/exchange/nodes", json={"request": text, "name": "gate-1"})

    assert answer.status_code == 422
    assert (await hub.console.get("/api/v1/nodes")).json()["items"] == []


async def test_a_request_that_was_changed_lets_nobody_in(hub: Any, request_of: Any) -> None:
    text = request_of(SigningKey.generate()).replace("box-1", "box-9")

    answer = await hub.console.post("/api/v1/exchange/preview", json={"request": text})

    assert answer.status_code == 422


async def test_a_preview_shows_the_fingerprint_and_changes_nothing(hub: Any, request_of: Any) -> None:
    key = SigningKey.generate()

    shown = (await hub.console.post("/api/v1/exchange/preview", json={"request": request_of(key)})).json()

    assert (shown["fingerprint"], shown["serial"], shown["node_id"]) == (key.public.fingerprint, "box-1", "")
    assert (await hub.console.get("/api/v1/nodes")).json()["items"] == []


async def test_letting_a_box_in_is_audited_and_a_viewer_may_not(hub: Any, join: Any, request_of: Any) -> None:
    box = await join(hub)
    entries = (await hub.console.get("/api/v1/audit", params={"action": "exchange.admit"})).json()["items"]
    assert [entry["subject"] for entry in entries] == [f"node:{box.node_id}"]

    async with hub.signed_in("viewer") as viewer:
        body = {"request": request_of(SigningKey.generate()), "name": "gate-9"}
        assert (await viewer.post("/api/v1/exchange/nodes", json=body)).status_code == 403
        assert (await viewer.get("/api/v1/exchange")).status_code == 200
