"""Numbers that came in any order, held against a plain set."""

from hypothesis import given
from hypothesis import strategies as st

from federation.custody.ranges import Ranges

spans = st.lists(st.tuples(st.integers(1, 60), st.integers(1, 60)).map(lambda pair: (min(pair), max(pair))))


def numbers(found: Ranges | tuple[tuple[int, int], ...]) -> set[int]:
    pairs = found.spans if isinstance(found, Ranges) else found
    return {number for first, last in pairs for number in range(first, last + 1)}


@given(spans)
def test_they_hold_what_was_added_in_as_few_spans_as_possible(given: list[tuple[int, int]]) -> None:
    ranges = Ranges()
    for first, last in given:
        ranges = ranges.add(first, last)

    expected = {number for first, last in given for number in range(first, last + 1)}
    assert numbers(ranges) == expected
    assert ranges == Ranges.of(given)
    assert all(later[0] > earlier[1] + 1 for earlier, later in zip(ranges.spans, ranges.spans[1:], strict=False))
    assert (ranges.count, ranges.highest) == (len(expected), max(expected, default=0))
    assert all((number in ranges) == (number in expected) for number in range(62))


@given(spans, st.integers(1, 60), st.integers(0, 61))
def test_what_is_missing_and_what_is_here_make_the_whole(given: list[tuple[int, int]], first: int, last: int) -> None:
    ranges = Ranges.of(given)

    missing = numbers(ranges.missing(first, last))

    assert missing == set(range(first, last + 1)) - numbers(ranges)


@given(spans, st.integers(0, 61))
def test_what_lies_behind_a_number_can_be_left_out(given: list[tuple[int, int]], number: int) -> None:
    ranges = Ranges.of(given)

    assert numbers(ranges.after(number)) == {other for other in numbers(ranges) if other > number}
