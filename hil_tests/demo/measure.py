"""Reads the figures of a run off the hub."""

import time
from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from hil_tests.demo import figures
from hil_tests.demo.figures import Figures
from hil_tests.demo.hub_console import HubConsole
from hil_tests.demo.site import PROFILES, Site

SETTLE_WITHIN_S = 120.0
POLL_S = 0.25
BATCH = 500


def live_streams(hub: HubConsole) -> tuple[int, int]:
    """Return how many points are live, and how many there are."""
    overview = hub.get("/api/v1/overview")
    return overview["points_live"], overview["points_total"]


def settle(hub: HubConsole) -> None:
    """Stop all tasks and wait, for a bounded time, until everything produced has arrived and is accounted for."""
    ids = [task["id"] for task in hub.every("/api/v1/tasks")]
    for start in range(0, len(ids), BATCH):
        hub.post("/api/v1/tasks/stop", {"ids": ids[start : start + BATCH]})
    deadline = time.monotonic() + SETTLE_WITHIN_S
    while time.monotonic() < deadline and not _has_settled(hub):
        time.sleep(POLL_S)


def read(
    hub: HubConsole,
    *,
    streams: tuple[int, int],
    first_event_s: float | None,
    restarts: int,
    scene: dict[str, Any] | None,
) -> Figures:
    """Return the figures of the run so far; `streams` was read before the tasks were stopped."""
    events = list(hub.every("/api/v1/events"))
    nodes = _nodes(hub)
    produced = _produced(nodes)
    repeats = figures.repeats(events)
    return Figures(
        nodes_online=sum(node["state"] == "online" for node in nodes),
        nodes_total=len(nodes),
        streams_live=streams[0],
        streams_total=streams[1],
        produced=produced,
        events=len(events),
        events_by_algorithm=figures.by_algorithm(events),
        pictures_missing=sum(not picture["arrived"] for event in events for picture in event["pictures"]),
        latency_ms=figures.latency(_delay_ms(event) for event in events),
        lost=produced - (len(events) - repeats),
        duplicates=repeats,
        gaps=len(list(hub.every("/api/v1/gaps"))),
        restarts=restarts + sum(node["restarts"] for node in nodes),
        first_event_s=first_event_s,
        scene=scene,
    )


def restarts(site: Site) -> int:
    """Count how often rig, broker and hub had to be started again; appliances count their own."""
    log = (site.logs / "supervisord.log").read_text(encoding="utf-8", errors="replace")
    spawned = [line.split("'")[1] for line in log.splitlines() if "spawned: '" in line]
    ours = [name for name in set(spawned) if not name.startswith(PROFILES)]
    return sum(spawned.count(name) - 1 for name in ours)


def table(result: Figures) -> Sequence[str]:
    """Return the figures as lines for people."""
    rows = asdict(result)
    return [f"  {name:<22}{value}" for name, value in rows.items()]


def _has_settled(hub: HubConsole) -> bool:
    nodes = _nodes(hub)
    quiet = all(lane["produced"] == lane["acknowledged"] for node in nodes for lane in node["lanes"])
    stopped = all(shard["followed"] for node in nodes for shard in node["shards"])
    # An event can arrive before the report that counts it: the hub then holds more than was said to be produced.
    told = _produced(nodes) == hub.get("/api/v1/overview")["events_total"]
    return quiet and stopped and told and all(node["evidence_backlog"] == 0 for node in nodes)


def _produced(nodes: Sequence[dict[str, Any]]) -> int:
    return sum(lane["produced"] for node in nodes for lane in node["lanes"] if lane["lane"] == "events")


def _nodes(hub: HubConsole) -> list[dict[str, Any]]:
    listed = hub.every("/api/v1/nodes")
    return [hub.get(f"/api/v1/nodes/{node['id']}") for node in listed]


def _delay_ms(event: dict[str, Any]) -> float:
    received = datetime.fromisoformat(event["received_at"])
    seen = datetime.fromisoformat(event["time"])
    return (received - seen).total_seconds() * 1000.0
