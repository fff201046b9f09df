"""Faults are normal: whatever dies comes back alone, and no committed event is lost or doubled."""

import os
import signal
import time
from collections.abc import Iterator

import pytest

from federation.testing.waiting import wait_until
from hil_tests.demo.run import Demo

pytestmark = [
    pytest.mark.system,
    # httpcore leaves the socket of a refused Unix connection to the garbage collector.
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

HEALED_WITHIN_S = 90.0  # a scripted street repeats itself every minute
POLL_S = 0.2
PROCESSES = (
    "hub",
    "broker",
    "analysis-agent",
    "analysis-streams",
    "analysis-vision",
    "capture-agent",
    "rig",
)


@pytest.fixture(scope="module", autouse=True)
def nothing_lost_or_doubled(demo: Demo) -> Iterator[None]:
    """Prove, after all faults in whatever order, that every committed event is in the hub once."""
    yield
    wait_until_well(demo, "at the end")
    figures = demo.figures(None)  # this stops the tasks, so it must come last
    assert (figures.lost, figures.duplicates, figures.gaps) == (0, 0, 0)
    assert figures.pictures_missing == 0
    assert figures.events > 0


def events(demo: Demo) -> int:
    total: int = demo.hub.get("/api/v1/overview")["events_total"]
    return total


def camera_states(demo: Demo) -> dict[str, str]:
    return {point["id"]: point["camera_state"] for point in demo.hub.every("/api/v1/points")}


def unwell(demo: Demo) -> list[str]:
    """Return what is not as it should be: nodes that are not online, points without a picture."""
    nodes = [
        f"node {node['name']} is {node['state']}"
        for node in demo.hub.every("/api/v1/nodes")
        if node["state"] != "online"
    ]
    points = [
        f"point {point['name']} is {point['camera_state']} {point['camera_reason']}"
        for point in demo.hub.every("/api/v1/points")
        if point["camera_state"] != "live"
    ]
    return nodes + points


def wait_until_well(demo: Demo, what: str) -> None:
    """Return when every node is online and every point live; name those that are not after HEALED_WITHIN_S."""
    deadline = time.monotonic() + HEALED_WITHIN_S
    while missing := unwell(demo):
        if time.monotonic() > deadline:
            pytest.fail(f"{what}: {'; '.join(missing)} after {HEALED_WITHIN_S:g} s")
        time.sleep(POLL_S)


@pytest.mark.parametrize("name", PROCESSES)
def test_a_killed_process_comes_back_and_events_flow_again(demo: Demo, name: str) -> None:
    wait_until_well(demo, f"before {name} was killed")
    victim = demo.supervisor.pids()[name]

    os.kill(victim, signal.SIGKILL)

    wait_until(
        lambda: demo.supervisor.pids().get(name, victim) != victim,
        within_s=HEALED_WITHIN_S,
        what=f"a new process for {name}",
    )
    demo.hub.wait_until_ready(within_s=HEALED_WITHIN_S)
    wait_until_well(demo, f"after {name} was killed")
    before = events(demo)
    wait_until(lambda: events(demo) > before, within_s=HEALED_WITHIN_S, what=f"an event after {name} died")


@pytest.mark.parametrize(
    ("fault", "seen_as"), [("stopped", "unreachable"), ("frozen", "stalled"), ("silent", "stalled")]
)
def test_a_camera_that_was_gone_is_live_again(demo: Demo, fault: str, seen_as: str) -> None:
    wait_until_well(demo, f"before a camera is {fault}")
    camera = demo.rig.cameras[0]

    demo.behave(camera, state=fault)

    wait_until(
        lambda: camera_states(demo)[camera.point_id] == seen_as, within_s=HEALED_WITHIN_S, what=f"a camera {seen_as}"
    )
    demo.behave(camera, state="live")
    wait_until_well(demo, f"after a camera was {fault}")
