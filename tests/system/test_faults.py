"""Faults are normal: whatever dies comes back alone, and no committed event is lost or doubled."""

import os
import signal

import pytest

from federation.testing.waiting import wait_until
from hil_tests.demo.run import Demo

pytestmark = [
    pytest.mark.system,
    # httpcore leaves the socket of a refused Unix connection to the garbage collector.
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

HEALED_WITHIN_S = 90.0  # a scripted street repeats itself every minute
PROCESSES = (
    "hub",
    "broker",
    "analysis-agent",
    "analysis-streams",
    "analysis-vision",
    "capture-agent",
    "rig",
)


def events(demo: Demo) -> int:
    total: int = demo.hub.get("/api/v1/overview")["events_total"]
    return total


def is_well(demo: Demo) -> bool:
    overview = demo.hub.get("/api/v1/overview")
    nodes: bool = overview["nodes_online"] == overview["nodes_total"]
    return nodes and overview["points_live"] == overview["points_total"]


@pytest.mark.parametrize("name", PROCESSES)
def test_a_killed_process_comes_back_and_events_flow_again(demo: Demo, name: str) -> None:
    wait_until(lambda: is_well(demo), within_s=HEALED_WITHIN_S, what="all well before the fault")
    victim = demo.supervisor.pids()[name]

    os.kill(victim, signal.SIGKILL)

    wait_until(
        lambda: demo.supervisor.pids().get(name, victim) != victim,
        within_s=HEALED_WITHIN_S,
        what=f"a new process for {name}",
    )
    demo.hub.wait_until_ready(within_s=HEALED_WITHIN_S)
    wait_until(lambda: is_well(demo), within_s=HEALED_WITHIN_S, what=f"healing after {name} died")
    before = events(demo)
    wait_until(lambda: events(demo) > before, within_s=HEALED_WITHIN_S, what=f"an event after {name} died")


def test_nothing_was_lost_or_doubled_over_all_of_this(demo: Demo) -> None:
    wait_until(lambda: is_well(demo), within_s=HEALED_WITHIN_S, what="all well at the end")

    figures = demo.figures(None)

    assert (figures.lost, figures.duplicates, figures.gaps) == (0, 0, 0)
    assert figures.pictures_missing == 0
    assert figures.events > 0
