"""Whatever a node says of itself and of its neighbours, the hub goes on, and nothing is believed of another node."""

from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial
from itertools import islice
from typing import Any

import pytest

from federation import topics
from federation.messages import (
    Beat,
    CameraReport,
    CameraState,
    Metrics,
    Presence,
    ReportedState,
    WireModel,
    WitnessAnswer,
    new_id,
)
from federation.testing.mutation import mutations
from federation.testing.played_appliance import PlayedAppliance, played_appliance
from federation.testing.waiting import until
from hub.fleet.link import Link

MUTATIONS = 10_000
AT_ONCE = 500
SEED = 20_261_126
NOW = datetime(2026, 11, 26, 8, tzinfo=UTC)
SAID: tuple[tuple[str, WireModel], ...] = (
    (
        topics.presence("analysis-1"),
        Presence(node_id="analysis-1", incarnation=1, online=True, profile="analysis", software="0.1", started_at=NOW),
    ),
    (topics.beat("analysis-1"), Beat(node_id="analysis-1", number=1, incarnation=1, at=NOW)),
    (
        topics.reported("analysis-1"),
        ReportedState(
            node_id="analysis-1",
            reported_at=NOW,
            cameras=(CameraReport(point_id="gate", state=CameraState.LIVE, fps=25),),
        ),
    ),
    (
        topics.witness_answer("analysis-1"),
        WitnessAnswer(node_id="analysis-1", ask_id=new_id(), about="other", reached=False),
    ),
    (
        topics.metrics("analysis-1"),
        Metrics(node_id="analysis-1", at=NOW, cpu_share=0.5, memory_share=0.5, disk_share=0.5),
    ),
)


@pytest.mark.parametrize(("topic", "message"), SAID, ids=["presence", "beat", "report", "testimony", "metrics"])
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_ten_thousand_mutations_change_nothing_but_what_is_held_of_their_sender(
    topic: str, message: WireModel, linked_hub: Any
) -> None:
    link = linked_hub.hub.foundation.link
    sender, other = await linked_hub.enrol("analysis-1"), await linked_hub.enrol("other")
    async with played_appliance(sender) as hostile, played_appliance(other) as neighbour:
        await is_online(linked_hub, "other")
        before = (await linked_hub.console.get("/api/v1/nodes/other")).json()
        malformed = link.malformed

        await say_all(hostile, link, topic, mutations((message.to_bytes(),), count=MUTATIONS, seed=SEED))

        assert link.malformed - malformed > MUTATIONS // 2
        assert (link.failed, link.dropped) == (0, 0)
        after = (await linked_hub.console.get("/api/v1/nodes/other")).json()
        assert {**after, "last_seen_at": 0} == {**before, "last_seen_at": 0}
        neighbour.beat(number=2)
        await until(lambda: neighbour.answers or neighbour.listen(), within_s=15, what="the hub answers the neighbour")
        assert (await linked_hub.console.get("/api/v1/nodes")).status_code == 200


async def say_all(node: PlayedAppliance, link: Link, topic: str, payloads: Iterator[bytes]) -> None:
    """Say everything, no faster than the hub takes it."""
    while some := list(islice(payloads, AT_ONCE)):
        goal = link.received + len(some)
        for payload in some:
            node.session.publish(topic, payload)
        await until(partial(_has_received, link, goal), within_s=30, what="the hub has got them")


def _has_received(link: Link, goal: int) -> bool:
    return link.received >= goal


async def is_online(hub: Any, node_id: str) -> None:
    async def holds() -> bool:
        return bool((await hub.console.get(f"/api/v1/nodes/{node_id}")).json()["state"] == "online")

    await until(holds, within_s=15, what=f"{node_id} is online")
