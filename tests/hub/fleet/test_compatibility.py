"""The traffic of earlier releases, played to this hub over a real broker."""

import json
from pathlib import Path
from typing import Any

from federation import topics
from federation.messages import Lane
from federation.testing.played_appliance import played_appliance
from federation.testing.waiting import until
from tests.hub.conftest import ON_SQLITE

GOLDEN = Path(__file__).parents[2] / "contract" / "golden" / "protocol-1.json"
FUTURE = {"from_the_future": {"deep": [1, "二"]}}


def golden() -> dict[str, Any]:
    return dict(json.loads(GOLDEN.read_text(encoding="utf-8")))


def said_by(node_id: str, *lines: dict[str, Any]) -> bytes:
    return "\n".join(json.dumps(line) for line in lines).replace('"golden"', json.dumps(node_id)).encode()


@ON_SQLITE
async def test_the_traffic_of_the_first_release_is_served_by_this_hub(linked_hub: Any) -> None:
    sent = golden()
    async with played_appliance(await linked_hub.enrol()) as node:
        publish, name = node.session.publish, node.node_id
        publish(topics.presence(name), said_by(name, sent["Presence"]), retain=True)
        publish(topics.hello(name), said_by(name, sent["Hello"]))
        greeted = await node.answer()
        frame, *rows = sent["Batch"]
        publish(topics.batch(name, Lane.EVENTS), said_by(name, *({**each, **FUTURE} for each in (frame, *rows))))
        committed = await node.answer()
        publish(topics.reported(name), said_by(name, sent["ReportedState"]), retain=True)

        async def reported() -> bool:
            found = (await linked_hub.console.get(f"/api/v1/nodes/{name}")).json()
            return bool(found["evidence_backlog"] == 1 and found["state"] == "online")

        await until(reported, within_s=60, what="the report is taken")
        events = (await linked_hub.console.get("/api/v1/events")).json()["items"]

    assert (greeted.upto, committed.upto) == (0, 2)
    assert {event["id"] for event in events} == {row["id"] for row in rows}
    assert {event["point_id"] for event in events} == {"gate-1"}


@ON_SQLITE
async def test_a_node_that_speaks_no_version_of_ours_is_told_apart_and_loses_nothing(linked_hub: Any) -> None:
    sent = golden()
    async with played_appliance(await linked_hub.enrol()) as node:
        name = node.node_id
        strange = {**sent["Presence"], "protocol": [98, 99]}
        node.session.publish(topics.presence(name), said_by(name, strange), retain=True)

        async def seen() -> bool:
            return bool((await linked_hub.console.get(f"/api/v1/nodes/{name}")).json()["state"] == "incompatible")

        await until(seen, within_s=60, what="the node is incompatible")
        node.session.publish(topics.batch(name, Lane.EVENTS), said_by(name, *sent["Batch"]))

        assert (await node.answer()).upto == 2
