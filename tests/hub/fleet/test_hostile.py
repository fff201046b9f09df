"""Whatever a node says of itself and of its neighbours, the hub goes on, and nothing is believed of another node."""

from collections.abc import AsyncIterator, Iterator
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
    Shard,
    WireModel,
    WitnessAnswer,
    new_id,
)
from federation.testing.mutation import mutations
from federation.testing.played_appliance import PlayedAppliance, played_appliance
from federation.testing.waiting import until
from hub.config import HubConfig
from hub.fleet.link import Link
from tests.hub.conftest import serving

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


@pytest.fixture
async def patient_hub(broker: object, config: HubConfig) -> AsyncIterator[Any]:
    """A hub that holds nobody for silent, however long the test takes."""
    assert broker is not None
    fleet = config.fleet.model_copy(update={"silence_s": 3600.0})
    async with serving(config.model_copy(update={"fleet": fleet})) as served:
        await until(lambda: served.hub.foundation.link.connected, within_s=60, what="the hub is connected")
        yield served


@pytest.mark.parametrize(("topic", "message"), SAID, ids=["presence", "beat", "report", "testimony", "metrics"])
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_ten_thousand_mutations_change_nothing_but_what_is_held_of_their_sender(
    topic: str, message: WireModel, patient_hub: Any
) -> None:
    link = patient_hub.hub.foundation.link
    sender, other = await patient_hub.enrol("analysis-1"), await patient_hub.enrol("other")
    async with played_appliance(sender) as hostile, played_appliance(other) as neighbour:
        before = await settled(patient_hub, "other")
        malformed = link.malformed

        await say_all(hostile, link, topic, mutations((message.to_bytes(),), count=MUTATIONS, seed=SEED))

        assert link.malformed - malformed > MUTATIONS // 2
        assert (link.failed, link.dropped) == (0, 0)
        after = (await patient_hub.console.get("/api/v1/nodes/other")).json()
        assert {**after, "last_seen_at": 0} == {**before, "last_seen_at": 0}
        neighbour.beat(number=2)
        await until(lambda: neighbour.answers or neighbour.listen(), within_s=60, what="the hub answers the neighbour")
        assert (await patient_hub.console.get("/api/v1/nodes")).status_code == 200


async def say_all(node: PlayedAppliance, link: Link, topic: str, payloads: Iterator[bytes]) -> None:
    """Say everything, no faster than the hub takes it."""
    while some := list(islice(payloads, AT_ONCE)):
        goal = link.received + len(some)
        for payload in some:
            node.session.publish(topic, payload)
        await until(partial(_has_received, link, goal), within_s=90, what="the hub has got them")


def _has_received(link: Link, goal: int) -> bool:
    return link.received >= goal


async def settled(hub: Any, node_id: str) -> dict[str, Any]:
    """Return a node that is online once the hub wants of it, by itself, all that it wants of a new one."""

    async def row() -> dict[str, Any]:
        return dict((await hub.console.get(f"/api/v1/nodes/{node_id}")).json())

    async def is_settled() -> bool:
        found = await row()
        wanted = {each["shard"] for each in found["shards"] if each["wanted_version"] > 0}
        return found["state"] == "online" and wanted >= {Shard.POLICY, Shard.WORK}

    await until(is_settled, within_s=90, what=f"{node_id} is online and told what to do")
    return await row()
