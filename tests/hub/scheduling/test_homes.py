"""Which appliance looks after which point."""

from collections import Counter
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.scheduling.homes import RESTING_PER_PULL, Resident, homes
from hub.scheduling.placement import Unit

ANALYSIS = {"pull": 100.0, "analyse": 16.0, "snapshot": 600.0, "record": 0.0}
STORAGE = {"pull": 100.0, "analyse": 2.0, "snapshot": 0.0, "record": 100.0}
HUB = {"pull": 0.0}


def unit(node_id: str, offered: dict[str, float] | None = None, *, online: bool = True, pulled: int = 0) -> Unit:
    return Unit(node_id=node_id, online=online, offered=offered or ANALYSIS, used={"pull": float(pulled)})


def point(point_id: str = "p1", node_id: str | None = None, *tasks_at: str, **more: Any) -> Resident:
    return Resident(point_id=point_id, node_id=node_id, tasks_at=frozenset(tasks_at), **more)


@pytest.mark.parametrize(
    ("resident", "boxes", "home"),
    [
        (point(), [unit("n2"), unit("n1")], "n1"),
        (point(), [unit("n1", online=False), unit("n2")], "n2"),
        (point(), [unit("n1", HUB), unit("n2")], "n2"),
        (point(), [unit("n1", pulled=50), unit("n2", pulled=20)], "n2"),
        (point(), [unit("n1", STORAGE), unit("n2", pulled=99)], "n2"),  # it would be recorded at the other
        (point(), [unit("n1", STORAGE)], "n1"),
        (point(recorded=True), [unit("n1"), unit("n2", STORAGE)], "n2"),
        (point(recorded=True), [unit("n1"), unit("n2", STORAGE, pulled=100)], "n1"),
        (point(photographed=True), [unit("n1", STORAGE), unit("n2", pulled=99)], "n2"),
        (point("p1", "gone"), [unit("n1")], "n1"),
        (point("p1", None, "n2", "n1"), [unit("n1"), unit("n2")], "n1"),
        (point("p1", "n3", "n2"), [unit("n2"), unit("n3")], "n2"),  # its stream is there already
        (point("p1", "n1", recorded=True), [unit("n1"), unit("n2", STORAGE)], "n2"),
        (point("p1", "n1", "n1", "n2", recorded=True), [unit("n1"), unit("n2", STORAGE)], "n2"),  # where a task is too
        (point("p1", "n1", recorded=False, photographed=True), [unit("n1", STORAGE), unit("n2")], "n2"),
    ],
)
def test_a_point_finds_the_home_that_suits_it(resident: Resident, boxes: list[Unit], home: str) -> None:
    assert homes([resident], boxes) == {"p1": home}


@pytest.mark.parametrize(
    ("resident", "boxes"),
    [
        (point("p1", "n1"), [unit("n1", online=False), unit("n2")]),
        (point("p1", "n1", "n1", "n2"), [unit("n1"), unit("n2")]),
        (point("p1", "n1", recorded=True), [unit("n1"), unit("n2")]),
        (point("p1", "n1", recorded=True), [unit("n1"), unit("n2", STORAGE, pulled=100)]),
        (point("p1", "n1", recorded=True, photographed=True), [unit("n1", STORAGE), unit("n2")]),
        (point("p1", "n1"), [unit("n1", STORAGE), unit("n2")]),
        (point("p1", "n1", photographed=True), [unit("n1", STORAGE), unit("n2")]),  # there it is recorded
        (point("p1"), []),
        (point("p1"), [unit("n1", HUB)]),
        (point("p1", recorded=True), [unit("n1", pulled=100)]),
    ],
)
def test_a_point_stays_where_it_is_while_nothing_is_better(resident: Resident, boxes: list[Unit]) -> None:
    assert homes([resident], boxes) == {}


def test_points_of_a_box_that_is_gone_are_without_a_home_until_there_is_room() -> None:
    assert homes([point("p1", "gone")], [unit("n1", online=False)]) == {"p1": None}


def test_ten_thousand_points_spread_evenly_over_four_capture_boxes() -> None:
    residents = [point(f"p{number:05}", photographed=True) for number in range(10_000)]

    placed = homes(residents, [unit(f"n{number}") for number in range(4)])

    assert set(Counter(placed.values()).values()) == {2500}
    assert homes([*residents, point("one-more")], [unit("n1")])["p00000"] == "n1"


def test_no_box_looks_after_more_points_than_it_can() -> None:
    residents = [point(f"p{number:05}") for number in range(100 * RESTING_PER_PULL + 1)]

    placed = homes(residents, [unit("n1")])

    assert Counter(placed.values()) == {"n1": 100 * RESTING_PER_PULL}


@settings(max_examples=50)
@given(st.data())
def test_points_come_to_rest(data: st.DataObject) -> None:
    kinds = st.sampled_from([ANALYSIS, STORAGE, HUB])
    boxes = [
        unit(f"n{number}", data.draw(kinds), online=data.draw(st.booleans()), pulled=data.draw(st.integers(90, 100)))
        for number in range(4)
    ]
    known = st.sampled_from([None, "n0", "n1", "n2", "n3", "gone"])
    recorded = st.sampled_from([None, False, True])
    residents = [
        point(f"p{number}", data.draw(known), recorded=data.draw(recorded), photographed=data.draw(st.booleans()))
        for number in range(data.draw(st.integers(0, 20)))
    ]

    for _ in range(len(residents) + 1):  # who moves makes room for others
        changes = homes(residents, boxes)
        residents = [replace(one, node_id=changes.get(one.point_id, one.node_id)) for one in residents]

    assert homes(residents, boxes) == {}
