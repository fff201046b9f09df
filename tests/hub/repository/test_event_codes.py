"""Codes of events as others know them: events that come carry both, and keep what they came with."""

import csv
from typing import Any

import pytest

from federation.testing.played_appliance import made_event, played_appliance
from tests.hub.conftest import ON_SQLITE

INTRUSION = "/api/v1/algorithms/fengsui.area_intrusion"
CODE = "area_intrusion/object"


async def map_codes(hub: Any, *mapped: str, code: str = CODE, name: str = "") -> Any:
    mappings = [{"code": code, "mapped_code": each, "name": name} for each in mapped]
    return await hub.console.put(f"{INTRUSION}/event-codes", json={"mappings": mappings})


async def events(hub: Any, **query: Any) -> list[dict[str, Any]]:
    return list((await hub.console.get("/api/v1/events", params=query)).raise_for_status().json()["items"])


async def test_events_show_the_mapped_code_beside_their_own_and_keep_it(linked_hub: Any) -> None:
    async with played_appliance(await linked_hub.enrol()) as node:
        await node.hello(following=3)
        await node.hand_over(1, [made_event(node.node_id)])
        (await map_codes(linked_hub, "05-12", name="非法闯入")).raise_for_status()
        await node.hand_over(2, [made_event(node.node_id)])
        shown = (await map_codes(linked_hub, "05-13", name="闯入")).raise_for_status().json()
        await node.hand_over(3, [made_event(node.node_id)])

    newest, older, oldest = await events(linked_hub)
    found = await events(linked_hub, mapped_code="05-12")
    sheet = (await linked_hub.console.get("/api/v1/events/export.csv")).content.decode("utf-8-sig")
    listed = (await linked_hub.console.get("/api/v1/event-code-mappings")).json()
    assert shown["mapped_codes"] == listed == [{"code": CODE, "mapped_code": "05-13", "name": "闯入"}]
    assert {row["type"] for row in (newest, older, oldest)} == {CODE}
    assert [(row["mapped_code"], row["mapped_name"]) for row in (newest, older, oldest)] == [
        ("05-13", "闯入"),
        ("05-12", ""),
        (None, ""),
    ]
    assert [row["id"] for row in found] == [older["id"]]
    assert [row["映射事件码"] for row in csv.DictReader(sheet.splitlines())] == ["05-13", "05-12", ""]


async def test_a_feed_carries_the_mapped_code_beside_the_event(linked_hub: Any) -> None:
    draft = {"bureau": "traffic", "name": "交通局"}
    given = (await linked_hub.console.post("/api/v1/subscriptions", json=draft)).raise_for_status().json()
    (await map_codes(linked_hub, "05-12")).raise_for_status()
    async with played_appliance(await linked_hub.enrol()) as node:
        await node.hand_over(1, [made_event(node.node_id)])

    auth = (given["username"], given["password"])
    items = (
        (await linked_hub.anonymous.get("/api/v1/feed/traffic/events", auth=auth)).raise_for_status().json()["items"]
    )

    assert [(item["mapped_code"], item["event"]["type"]) for item in items] == [("05-12", CODE)]


async def test_a_feed_is_filtered_by_the_code_that_an_event_was_mapped_to_when_it_came(linked_hub: Any) -> None:
    drafts: list[dict[str, Any]] = [
        {"bureau": "by-mapped", "name": "交通局", "types": ["05-12"]},
        {"bureau": "by-own", "name": "公安局", "types": [CODE]},
        {"bureau": "true-ones", "name": "城管局", "types": ["05-12"], "only_true": True},
    ]
    given = {
        draft["bureau"]: (await linked_hub.console.post("/api/v1/subscriptions", json=draft)).raise_for_status().json()
        for draft in drafts
    }
    async with played_appliance(await linked_hub.enrol()) as node:
        rows = [made_event(node.node_id) for _ in range(3)]
        await node.hand_over(1, rows[:1])
        (await map_codes(linked_hub, "05-12")).raise_for_status()
        await node.hand_over(2, rows[1:2])
        (await map_codes(linked_hub, "05-13")).raise_for_status()
        await node.hand_over(3, rows[2:])
    for row in rows:
        verdict = {"verdict": "true"}
        (await linked_hub.console.put(f"/api/v1/events/{row['id']}/verdict", json=verdict)).raise_for_status()

    found = {}
    for bureau, one in given.items():
        answer = await linked_hub.anonymous.get(
            f"/api/v1/feed/{bureau}/events", auth=(one["username"], one["password"])
        )
        found[bureau] = [item["event"]["id"] for item in answer.raise_for_status().json()["items"]]

    ids = [row["id"] for row in rows]
    assert found == {"by-mapped": [ids[1]], "by-own": ids, "true-ones": [ids[1]]}


@pytest.mark.parametrize(
    ("codes", "code"),
    [(("05-12", "05-13"), CODE), (("05-12",), "smoke/smoke"), (("05 12",), CODE), (("-",), CODE), (("x" * 129,), CODE)],
    ids=["twice", "of-another", "with-a-space", "no-code", "too-long"],
)
@ON_SQLITE
async def test_what_is_no_mapping_of_the_algorithm_changes_nothing(hub: Any, codes: tuple[str, ...], code: str) -> None:
    (await map_codes(hub, "05-11")).raise_for_status()

    refused = await map_codes(hub, *codes, code=code)

    kept = (await hub.console.get(INTRUSION)).json()["mapped_codes"]
    assert (refused.status_code, refused.json()["code"]) == (422, "invalid_input")
    assert [each["mapped_code"] for each in kept] == ["05-11"]


@ON_SQLITE
async def test_a_viewer_maps_nothing_and_what_is_left_out_is_mapped_no_longer(hub: Any) -> None:
    (await map_codes(hub, "05-11")).raise_for_status()
    async with hub.signed_in("viewer") as viewer:
        forbidden = await viewer.put(f"{INTRUSION}/event-codes", json={"mappings": []})

    emptied = (await map_codes(hub)).raise_for_status().json()

    assert forbidden.status_code == 403
    assert emptied["mapped_codes"] == []
