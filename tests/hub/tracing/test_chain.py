"""链路追踪."""

from datetime import UTC, datetime
from typing import Any

import pytest

from federation import topics
from federation.messages import Lane, LaneReport, ReportedState
from federation.testing.played_appliance import PlayedAppliance, made_event, played_appliance
from federation.testing.waiting import until
from hub.tracing.service import Counts, grown, sample_of
from tests.hub.conftest import ON_SQLITE

AT = datetime(2026, 1, 1, tzinfo=UTC)


def counts(at_s: float, produced: dict[str, int], stored: int = 0, published: int = 0) -> Counts:
    return Counts(at_s=at_s, produced=produced, stored=stored, published=published)


@pytest.mark.parametrize(
    ("before", "now", "sum_"),
    [
        ({"a": 1, "b": 2}, {"a": 4, "b": 2}, 3),
        ({"a": 1}, {"a": 1, "new": 500}, 0),
        ({"a": 900}, {"a": 3}, 0),  # its outbox was made anew
        ({"a": 1, "gone": 9}, {"a": 2}, 1),
    ],
)
def test_growth_counts_what_is_new_and_nothing_else(before: dict[str, int], now: dict[str, int], sum_: int) -> None:
    assert grown(before, now) == sum_


def test_a_sample_gives_rates_per_second() -> None:
    sample = sample_of(counts(10, {"a": 0}), counts(14, {"a": 8}, stored=6, published=2), (), AT)

    assert (sample.produced_per_s, sample.stored_per_s, sample.published_per_s) == (2.0, 1.5, 0.5)
    assert (sample.backlog, sample.pictures_backlog) == (0, 0)


def report(node: PlayedAppliance, *, produced: int, acknowledged: int, pictures: int) -> None:
    lane = LaneReport(lane=Lane.EVENTS, produced=produced, acknowledged=acknowledged)
    state = ReportedState(node_id=node.node_id, reported_at=datetime.now(UTC), lanes=(lane,), evidence_backlog=pictures)
    node.session.publish(topics.reported(node.node_id), state.to_bytes(), retain=True)


async def test_the_chain_shows_each_box_and_the_rates_of_the_whole(linked_hub: Any) -> None:
    async def chain() -> dict[str, Any]:
        return dict((await linked_hub.console.get("/api/v1/chain")).raise_for_status().json())

    async with played_appliance(await linked_hub.enrol()) as node:
        report(node, produced=100, acknowledged=90, pictures=3)

        async def seen() -> bool:
            return any(item["backlog"] == 10 for item in (await chain())["nodes"])

        await until(seen, within_s=60, what="the box's backlog is seen")
        await node.hand_over(1, [made_event(node.node_id) for _ in range(5)])

        async def stored() -> bool:
            return any(sample["stored_per_s"] > 0 for sample in (await chain())["samples"])

        await until(stored, within_s=60, what="a sample in which events were stored")
        found = await chain()

    (box,) = found["nodes"]
    assert (box["node_id"], box["state"]) == (node.node_id, "online")
    assert (box["produced"], box["acknowledged"], box["pictures_backlog"]) == (100, 90, 3)
    assert found["samples"][-1]["backlog"] == 10


@ON_SQLITE
async def test_a_stranger_sees_no_chain(hub: Any) -> None:
    answer = await hub.anonymous.get("/api/v1/chain")

    assert answer.status_code == 401
