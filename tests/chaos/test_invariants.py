"""The count at the end of a chaos run finds every way in which custody can fail."""

from typing import Any

import pytest

from hil_tests.chaos.invariants import judge

PRODUCED = {"n1": ["a", "b", "c"], "n2": ["x", "y"]}
WHOLE = [("n1", "a"), ("n2", "x"), ("n1", "b"), ("n2", "y"), ("n1", "c")]


def test_custody_holds_when_every_event_is_there_once_and_in_the_order_of_its_box() -> None:
    verdict = judge(PRODUCED, WHOLE, pictures=["p"], hub_pictures=frozenset({"p", "q"}))

    assert verdict.holds
    assert (verdict.produced, verdict.hub_rows, verdict.pictures) == (5, 5, 1)


@pytest.mark.parametrize(
    ("rows", "fault", "count"),
    [
        (WHOLE[:-1], "lost", 1),
        ([], "lost", 5),
        ([*WHOLE, ("n1", "a")], "duplicates", 1),
        ([*WHOLE, ("n1", "z")], "strangers", 1),
        ([("n1", "b"), ("n1", "a"), ("n1", "c"), ("n2", "x"), ("n2", "y")], "out_of_order", 1),
        ([("n1", "c"), ("n1", "a"), ("n1", "b"), ("n2", "y"), ("n2", "x")], "out_of_order", 3),
    ],
)
def test_a_broken_invariant_is_counted(rows: list[tuple[str, str]], fault: str, count: int) -> None:
    verdict = judge(PRODUCED, rows)

    assert not verdict.holds
    assert getattr(verdict, fault) == count


def test_what_a_box_dropped_and_told_is_a_tombstone_and_not_lost() -> None:
    verdict = judge(PRODUCED, WHOLE[:-1], tombstones=1)

    assert verdict.holds
    assert (verdict.produced, verdict.hub_rows, verdict.tombstones, verdict.lost) == (5, 4, 1, 0)


@pytest.mark.parametrize(("rows", "tombstones", "lost"), [(WHOLE[:-2], 1, 1), (WHOLE, 1, 0)])
def test_tombstones_that_do_not_add_up_break_custody(rows: list[tuple[str, str]], tombstones: int, lost: int) -> None:
    verdict = judge(PRODUCED, rows, tombstones=tombstones)

    assert not verdict.holds
    assert verdict.lost == lost


@pytest.mark.parametrize("hub_results", [2, 4])
def test_a_result_that_is_missing_or_there_twice_breaks_custody(hub_results: int) -> None:
    assert judge(PRODUCED, WHOLE, results=3, hub_results=3).holds
    assert not judge(PRODUCED, WHOLE, results=3, hub_results=hub_results).holds


def test_a_picture_that_is_not_there_breaks_custody() -> None:
    nothing: Any = {"n1": []}

    verdict = judge(nothing, [], pictures=["p", "q", "q"], hub_pictures=frozenset({"q"}))

    assert not verdict.holds
    assert (verdict.pictures, verdict.pictures_missing) == (2, 1)
