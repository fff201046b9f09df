"""Batches that come by files: in any order, twice, or never."""

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from federation.custody.any_order import MOST_ISLANDS, Standing, arrive
from federation.custody.ranges import Ranges
from federation.messages import Batch, Lane, Tombstone

LONGEST = 60


def rows(first: int, last: int) -> Batch:
    body = tuple(str(number) for number in range(first, last + 1))
    return Batch(node_id="n", epoch="e", lane=Lane.EVENTS, first=first, rows=body, mark=f"m{last}")


def grave(first: int, last: int) -> Batch:
    stone = Tombstone(last=last, reason="quota", at=datetime(2026, 1, 1, tzinfo=UTC))
    return Batch(node_id="n", epoch="e", lane=Lane.EVENTS, first=first, tombstone=stone)


spans = st.tuples(st.integers(1, LONGEST), st.integers(0, 9)).map(lambda pair: (pair[0], pair[0] + pair[1]))
batches = st.lists(
    st.tuples(spans, st.booleans()).map(lambda made: (rows if made[1] else grave)(*made[0])), max_size=40
)


@given(batches)
def test_every_row_is_fresh_once_and_the_standing_says_what_has_come(arriving: list[Batch]) -> None:
    standing, come, lost = Standing(), set[int](), set[int]()

    for batch in arriving:
        numbers = set(range(batch.first, batch.last + 1))
        arrival = arrive(standing, batch)
        new = numbers - come - lost
        if batch.tombstone is None:
            assert arrival.fresh == new
            assert arrival.gaps == ()
            come |= new
        else:
            assert {number for gap in arrival.gaps for number in range(gap.first, gap.last + 1)} == new
            lost |= new
        standing = arrival.standing

        known = come | lost
        expected = Ranges.of((number, number) for number in known)
        assert standing.upto == (expected.spans[0][1] if 1 in known else 0)
        assert standing.holes() == expected.missing(1, expected.highest)
        assert standing.highest == expected.highest
        assert all(standing.has(number) == (number in known) for number in range(1, LONGEST + 12))


@given(st.permutations(range(1, 13)))
def test_the_mark_is_that_of_the_row_where_the_lane_ends(order: list[int]) -> None:
    standing = Standing()
    for number in order:
        standing = arrive(standing, rows(number, number)).standing
        if standing.upto:
            assert standing.mark == f"m{standing.upto}"

    assert standing == Standing(upto=12, mark="m12")


def test_a_lane_that_goes_on_by_another_path_passes_what_came_by_files() -> None:
    standing = arrive(Standing(upto=3), rows(6, 9)).standing

    assert standing.passed(5, "m5") == Standing(upto=9, mark="m9")
    assert standing.passed(7, "m7") == Standing(upto=9, mark="m9")
    assert standing.passed(12, "m12") == Standing(upto=12, mark="m12")
    assert standing.passed(4, "m4").islands == standing.islands


def test_when_holes_are_too_many_the_oldest_becomes_a_gap() -> None:
    standing = Standing()
    for number in range(1, MOST_ISLANDS + 1):
        arrival = arrive(standing, rows(3 * number, 3 * number))
        standing = arrival.standing
        assert arrival.gaps == ()

    arrival = arrive(standing, rows(3 * MOST_ISLANDS + 3, 3 * MOST_ISLANDS + 3))

    assert [(gap.first, gap.last, gap.reason) for gap in arrival.gaps] == [(1, 2, "missing")]
    assert arrival.standing.upto == 3
    assert len(arrival.standing.islands) == MOST_ISLANDS
