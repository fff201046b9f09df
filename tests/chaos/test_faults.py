"""Faults are drawn from a seed."""

from collections import Counter

import pytest

from hil_tests.chaos.faults import DAY_S, LONGEST_S, SHORTEST_S, Kind, draw


def test_the_same_seed_draws_the_same_faults_and_another_does_not() -> None:
    assert draw(7, faults=50, boxes=3) == draw(7, faults=50, boxes=3)
    assert draw(7, faults=50, boxes=3) != draw(8, faults=50, boxes=3)


def test_every_kind_comes_where_there_is_room_and_every_value_is_in_its_range() -> None:
    drawn = draw(1, faults=len(Kind), boxes=2)

    assert Counter(fault.kind for fault in drawn) == dict.fromkeys(Kind, 1)
    assert {fault.box for fault in draw(1, faults=99, boxes=2)} == {0, 1}
    assert all(SHORTEST_S <= fault.lasts_s <= LONGEST_S for fault in drawn)
    assert all(abs(fault.clock_s) == (DAY_S if fault.kind is Kind.CLOCK_JUMP else 0) for fault in drawn)


@pytest.mark.parametrize("faults", [0, 1, 200])
def test_there_are_as_many_as_asked_for(faults: int) -> None:
    assert len(draw(1, faults=faults, boxes=1)) == faults
