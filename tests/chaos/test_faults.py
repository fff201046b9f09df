"""Faults are drawn from a seed."""

from collections import Counter
from itertools import combinations

import pytest

from hil_tests.chaos.faults import (
    CLUSTER,
    DAY_S,
    LONG_S,
    LONGEST_S,
    MOST_LOSS_PERCENT,
    ONE_BROKER,
    SHORTEST_S,
    Fault,
    Kind,
    draw,
)


def drawn(seed: int, *, faults: int) -> list[Fault]:
    return [fault for stroke in draw(seed, faults=faults, boxes=3) for fault in stroke]


def test_the_same_seed_draws_the_same_faults_and_another_does_not() -> None:
    assert draw(7, faults=50, boxes=3) == draw(7, faults=50, boxes=3)
    assert draw(7, faults=50, boxes=3) != draw(8, faults=50, boxes=3)


@pytest.mark.parametrize("kinds", [ONE_BROKER, CLUSTER])
def test_every_kind_comes_where_there_is_room(kinds: tuple[Kind, ...]) -> None:
    faults = [fault for stroke in draw(1, faults=len(kinds), boxes=2, kinds=kinds) for fault in stroke]

    assert Counter(fault.kind for fault in faults) == dict.fromkeys(kinds, 1)


def test_every_value_is_in_its_range() -> None:
    faults = drawn(1, faults=500)

    assert {fault.box for fault in faults} == {0, 1, 2}
    assert all(SHORTEST_S <= fault.lasts_s <= LONGEST_S or fault.lasts_s == LONG_S for fault in faults)
    assert all(abs(fault.clock_s) == (DAY_S if fault.kind is Kind.CLOCK_JUMP else 0) for fault in faults)
    lossy = {fault.loss_percent for fault in faults if fault.kind is Kind.LINK_LOSSY}
    assert min(lossy) >= 2
    assert max(lossy) <= MOST_LOSS_PERCENT


@pytest.mark.parametrize("faults", [0, 1, 200])
def test_there_are_as_many_as_asked_for(faults: int) -> None:
    assert len(drawn(1, faults=faults)) == faults


def test_some_faults_overlap_but_never_two_that_change_the_same_thing() -> None:
    strokes = draw(3, faults=400, boxes=2)

    pairs = [stroke for stroke in strokes if len(stroke) == 2]
    assert len(strokes) > len(pairs) > 20
    assert not any(first.meets(second) or second.meets(first) for first, second in pairs)


def test_two_faults_of_the_same_line_meet_and_those_of_two_boxes_do_not() -> None:
    cut, slow, elsewhere = (
        Fault(kind=kind, box=box, lasts_s=1)
        for kind, box in ((Kind.LINK_CUT, 0), (Kind.LINK_SLOW, 0), (Kind.LINK_CUT, 1))
    )
    clock = Fault(kind=Kind.CLOCK_JUMP, box=0, lasts_s=1)
    unreached = Fault(kind=Kind.BROKER_UNREACHED, box=0, lasts_s=1)

    meeting = {
        frozenset(pair) for pair in combinations([cut, slow, elsewhere, clock, unreached], 2) if pair[0].meets(pair[1])
    }
    assert meeting == {frozenset({cut, slow})}
