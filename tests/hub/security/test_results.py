"""What was done on appliances stands in the audit, with the node on which it happened."""

from typing import Any

from federation.messages import Lane
from federation.testing.played_appliance import made_result, played_appliance
from tests.hub.conftest import ON_SQLITE

RESULTS = Lane.RESULTS


async def audited(hub: Any, **query: Any) -> list[dict[str, Any]]:
    answer = await hub.console.get("/api/v1/audit", params=query)
    return list(answer.raise_for_status().json()["items"])


async def test_a_result_of_a_box_is_in_the_audit_with_its_origin(linked_hub: Any) -> None:
    async with played_appliance(await linked_hub.enrol()) as node:
        row = made_result(node.node_id, type="session.failed", succeeded=False, detail={"reason": "wrong password"})

        ack = await node.hand_over(1, [row], lane=RESULTS)

        assert (ack.lane, ack.upto) == (RESULTS, 1)
        (entry,) = await audited(linked_hub, node_id=node.node_id)
    assert (entry["id"], entry["node_id"], entry["action"]) == (row["id"], node.node_id, "session.failed")
    assert (entry["actor"], entry["peer"], entry["succeeded"]) == ("admin", "10.0.0.9", False)
    assert entry["detail"] == {"reason": "wrong password"}
    assert {entry["node_id"] for entry in await audited(linked_hub)} == {"", node.node_id}


async def test_a_result_that_comes_twice_stands_once(linked_hub: Any) -> None:
    async with played_appliance(await linked_hub.enrol()) as node:
        row = made_result(node.node_id)
        await node.hand_over(1, [row, row], lane=RESULTS)
        node.epoch = "another"

        ack = await node.hand_over(1, [row], lane=RESULTS)

        assert ack.upto == 1
        assert len(await audited(linked_hub, node_id=node.node_id)) == 1


@ON_SQLITE
async def test_what_is_no_result_of_its_node_is_rejected_and_stops_nobody(linked_hub: Any) -> None:
    async with played_appliance(await linked_hub.enrol()) as node:
        good = made_result(node.node_id)
        wrong = [
            {"id": "nonsense"},
            made_result("someone-else"),
            made_result(node.node_id, detail={"text": "a\x00b"}),
            made_result(node.node_id, detail={"text": "x" * 9000}),
            made_result(node.node_id, id="X" * 36),
        ]

        ack = await node.hand_over(1, [*wrong, good], lane=RESULTS)

        assert ack.upto == 6
        assert [entry["id"] for entry in await audited(linked_hub, node_id=node.node_id)] == [good["id"]]


@ON_SQLITE
async def test_lanes_do_not_wait_for_each_other(linked_hub: Any) -> None:
    async with played_appliance(await linked_hub.enrol()) as node:
        refused = await node.hand_over(5, [made_result(node.node_id)], lane=RESULTS)
        evidence = await node.hand_over(1, [{"source": node.node_id, "digest": "sha256:x"}], lane=Lane.EVIDENCE)

        assert (refused.nak, refused.upto) == (True, 0)
        assert (evidence.nak, evidence.upto) == (False, 1)
