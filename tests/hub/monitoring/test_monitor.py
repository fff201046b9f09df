"""How busy nodes are: told by them, shown by the hub, kept for a week."""

from datetime import UTC, datetime
from typing import Any

import pytest

from federation import topics
from federation.messages import Metrics
from federation.testing.played_appliance import played_appliance
from federation.testing.waiting import until
from hub.fleet.link import Incoming, Link
from hub.monitoring.model import KEPT_H, NodeMetrics
from hub.monitoring.service import HOUR_US, KIND, SPAN_US, Monitor
from tests.hub.conftest import ON_SQLITE

MOST = 4
NOW = datetime(2026, 11, 26, 8, tzinfo=UTC)


class Clock:
    """A clock that the test moves."""

    def __init__(self) -> None:
        self.at_us = 1_000 * SPAN_US + 17

    def __call__(self) -> int:
        return self.at_us


class Desk:
    """A monitor whose clock stands, over a hub's database."""

    def __init__(self, hub: Any) -> None:
        self.clock = Clock()
        self.database = hub.hub.foundation.database
        self.monitor = self.anew()

    def anew(self) -> Monitor:
        return Monitor(
            database=self.database,
            link=Link(),
            knows=lambda node_id: node_id.startswith("known"),
            clock_us=self.clock,
            most_unstored=MOST,
        )

    async def say(self, cpu: float, node_id: str = "known", of: str | None = None) -> None:
        metrics = Metrics(node_id=of or node_id, at=NOW, cpu_share=cpu, memory_share=0.5, disk_share=0.25)
        await self.monitor.take([Incoming(node_id=node_id, kind=KIND, payload=metrics.to_bytes())])

    async def shown(self, node_id: str = "known", hours: int = KEPT_H) -> NodeMetrics:
        return await self.monitor.of_node(node_id, hours)


@pytest.fixture
async def desk(hub: Any) -> Desk:
    return Desk(hub)


async def test_a_span_is_shown_while_it_runs_and_stored_once_it_has_ended(desk: Desk) -> None:
    await desk.say(0.2)
    await desk.say(0.6)
    running = await desk.shown()
    desk.clock.at_us += SPAN_US
    await desk.monitor.store()
    desk.monitor = desk.anew()  # the hub was started again
    stored = await desk.shown()

    assert running.latest is not None
    assert running.latest.cpu_share == 0.6
    assert stored.latest is None
    assert stored.spans == running.spans
    (span,) = stored.spans
    assert span.cpu_mean == pytest.approx(0.4)
    assert (span.cpu_peak, span.disk_share) == (0.6, 0.25)


@ON_SQLITE
async def test_a_span_that_ended_and_is_not_stored_yet_is_shown_too(desk: Desk) -> None:
    await desk.say(0.2)
    desk.clock.at_us += SPAN_US
    await desk.say(0.6)

    assert [span.cpu_mean for span in (await desk.shown()).spans] == [0.2, 0.6]


async def test_what_is_older_than_a_week_is_forgotten(desk: Desk) -> None:
    await desk.say(0.2)
    desk.clock.at_us += SPAN_US
    await desk.monitor.store()
    desk.clock.at_us += KEPT_H * HOUR_US
    await desk.say(0.9)
    desk.clock.at_us += SPAN_US
    await desk.monitor.store()

    spans = (await desk.shown()).spans
    assert [span.cpu_mean for span in spans] == [0.9]


async def test_a_clock_that_was_set_back_replaces_what_it_had_said(desk: Desk) -> None:
    for cpu in (0.2, 0.8):
        await desk.say(cpu)
        desk.clock.at_us += SPAN_US
        await desk.monitor.store()
        desk.clock.at_us -= SPAN_US

    assert [span.cpu_mean for span in (await desk.shown()).spans] == [0.8]


@ON_SQLITE
async def test_who_is_not_known_or_speaks_of_others_is_left_alone(desk: Desk) -> None:
    await desk.say(0.5, "stranger")
    await desk.say(0.5, "known-1", of="known-2")

    for node_id in ("stranger", "known-1", "known-2"):
        assert await desk.shown(node_id) == NodeMetrics(latest=None, span_s=SPAN_US / 1e6, spans=())


@ON_SQLITE
async def test_what_waits_for_the_database_is_bounded(desk: Desk) -> None:
    for number in range(MOST + 1):
        await desk.say(0.5, f"known-{number}")
    desk.clock.at_us += SPAN_US
    await desk.monitor.store()

    kept = [len((await desk.shown(f"known-{number}")).spans) for number in range(MOST + 1)]
    assert kept == [0, *[1] * MOST]


@ON_SQLITE
async def test_a_box_is_seen_busy_in_the_portal_and_by_prometheus(linked_hub: Any) -> None:
    async with played_appliance(await linked_hub.enrol()) as node:
        metrics = Metrics(node_id=node.node_id, at=NOW, cpu_share=0.7, memory_share=0.5, disk_share=0.25)
        path = f"/api/v1/nodes/{node.node_id}/metrics"

        async def heard() -> Any:
            node.session.publish(topics.metrics(node.node_id), metrics.to_bytes(), qos=0)
            return (await linked_hub.console.get(path)).json()["latest"]

        latest = await until(heard, within_s=60, what="the hub heard it")
        figures = (await linked_hub.console.get("/metrics")).text

    assert latest["cpu_share"] == 0.7
    assert f'fengsui_hub_node_cpu_share{{node="{node.node_id}"}} 0.7' in figures


@pytest.mark.parametrize("hours", [0, KEPT_H + 1])
@ON_SQLITE
async def test_a_history_of_no_time_or_more_than_is_kept_is_refused(hub: Any, hours: int) -> None:
    answer = await hub.console.get("/api/v1/nodes/known/metrics", params={"hours": hours})

    assert answer.status_code == 422


@ON_SQLITE
async def test_a_node_that_is_not_there_has_no_metrics(hub: Any) -> None:
    answer = await hub.console.get("/api/v1/nodes/nobody/metrics")

    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
