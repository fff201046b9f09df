"""Reports of both sides, and what their difference names."""

from datetime import UTC, date, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from federation.custody.ranges import Ranges
from federation.exchange.reconciliation import (
    Difference,
    Fault,
    LaneTally,
    Report,
    Side,
    TalliedRow,
    bounds_of,
    compare,
    day_of,
    tally,
)
from federation.messages import Lane

NOON = datetime(2026, 3, 1, 4, 0, tzinfo=UTC)  # twelve o'clock at +08:00


def rows(numbers: list[int], *, days: int = 4) -> list[TalliedRow]:
    """Rows of which every tenth number begins another day."""
    return [
        TalliedRow(sequence=number, id=f"id-{number}", at=NOON + timedelta(days=number // 10 % days))
        for number in numbers
    ]


def report(side: Side, numbers: list[int], *, epoch: str = "e1", found: list[TalliedRow] | None = None) -> Report:
    spans = Ranges.of((number, number) for number in numbers).spans
    lane = LaneTally(
        lane=Lane.EVENTS, epoch=epoch, spans=spans, days=tally(found if found is not None else rows(numbers))
    )
    return Report(side=side, node_id="n", hub_id="h", made_at=NOON, lanes=(lane,))


@given(st.sets(st.integers(1, 39)), st.sets(st.integers(1, 39)))
def test_every_row_that_the_hub_lacks_is_named_and_no_other(node: set[int], hub: set[int]) -> None:
    differences = compare(report(Side.NODE, sorted(node)), report(Side.HUB, sorted(hub)))

    missing = [each for each in differences if each.fault is Fault.MISSING]
    named = {number for each in missing for number in range(each.first, each.last + 1)}
    assert named == node - hub
    assert all(each.fault is Fault.MISSING or each.days for each in differences)


def test_a_missing_range_names_its_days() -> None:
    node, hub = list(range(1, 30)), [*range(1, 8), *range(22, 30)]

    (difference,) = compare(report(Side.NODE, node), report(Side.HUB, hub))

    days = (date(2026, 3, 1), date(2026, 3, 2), date(2026, 3, 3))
    assert difference == Difference(lane=Lane.EVENTS, fault=Fault.MISSING, first=8, last=21, days=days)


def test_a_day_with_the_same_numbers_and_other_rows_is_different() -> None:
    numbers = list(range(1, 20))
    others = [
        TalliedRow(sequence=row.sequence, id="other" if row.sequence == 12 else row.id, at=row.at)
        for row in rows(numbers)
    ]

    (difference,) = compare(report(Side.NODE, numbers), report(Side.HUB, numbers, found=others))

    assert (difference.fault, difference.first, difference.last) == (Fault.DIFFERENT, 10, 19)
    assert difference.days == (date(2026, 3, 2),)


def test_another_epoch_is_named_as_such() -> None:
    (difference,) = compare(report(Side.NODE, [1, 2, 3], epoch="e2"), report(Side.HUB, [1, 2, 3]))

    assert (difference.fault, difference.first, difference.last) == (Fault.OTHER_EPOCH, 1, 3)


def test_equal_reports_have_no_difference() -> None:
    assert compare(report(Side.NODE, [1, 2, 5]), report(Side.HUB, [1, 2, 3, 4, 5])) == ()


def test_a_day_begins_at_midnight_in_beijing() -> None:
    start, end = bounds_of(date(2026, 3, 1))

    assert (day_of(start), day_of(start - timedelta(microseconds=1))) == (date(2026, 3, 1), date(2026, 2, 28))
    assert (day_of(end - timedelta(microseconds=1)), day_of(end)) == (date(2026, 3, 1), date(2026, 3, 2))
