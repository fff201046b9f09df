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
# Who calls dies before whom it calls: so each comes back to find the others, and is found anew when they come back.
OF_THE_BOX = ("analysis-vision", "analysis-streams", "analysis-agent")
OF_THE_SITE = ("capture-agent", "hub", "broker", "rig")

FAULTS = (("stopped", "unreachable"), ("frozen", "stalled"), ("silent", "stalled"))
"""What a camera does, and as what it is seen."""


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


@pytest.mark.parametrize("names", [OF_THE_BOX, OF_THE_SITE], ids=["of a box", "around it"])
def test_killed_processes_come_back_one_after_the_other_and_events_flow_again(
    demo: Demo, names: tuple[str, ...]
) -> None:
    wait_until_well(demo, "before anything was killed")

    for name in names:
        kill(demo, name)
        demo.hub.wait_until_ready(within_s=HEALED_WITHIN_S)
        wait_until_well(demo, f"after {name} was killed")

    before = events(demo)
    wait_until(lambda: events(demo) > before, within_s=HEALED_WITHIN_S, what=f"an event after {names} died")


def kill(demo: Demo, name: str) -> None:
    """Kill a process, and return when there is another in its place."""
    victim = demo.supervisor.pids()[name]
    os.kill(victim, signal.SIGKILL)
    wait_until(
        lambda: demo.supervisor.pids().get(name, victim) != victim,
        within_s=HEALED_WITHIN_S,
        what=f"a new process for {name}",
    )


def test_cameras_that_were_gone_are_live_again(demo: Demo) -> None:
    wait_until_well(demo, "before cameras are gone")

    for camera, (state, _) in zip(demo.rig.cameras, FAULTS, strict=True):
        demo.behave(camera, state=state)

    wanted = {camera.point_id: seen_as for camera, (_, seen_as) in zip(demo.rig.cameras, FAULTS, strict=True)}
    wait_until(lambda: camera_states(demo) == wanted, within_s=HEALED_WITHIN_S, what=f"cameras as {wanted}")
    for camera in demo.rig.cameras:
        demo.behave(camera, state="live")
    wait_until_well(demo, "after cameras were gone")
