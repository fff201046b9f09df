"""When plans take their pictures: by phase and calendar, and in a flat line."""

from collections import Counter
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from appliance.capture import pacing
from appliance.capture.pacing import Bucket, Gate
from appliance.capture.planner import gate_of
from appliance.capture.timetable import Timetable, phase_us
from appliance.store.moments import from_us, to_us
from federation.messages import CapturePlan, Hours, PlanCalendar, PresetAim, Round, SpecialDay, Stop, Window

START = datetime(2026, 11, 26, 4, tzinfo=UTC)  # a Thursday, noon in Shanghai


def plan(count: int = 3, *, every_s: int = 60, **changes: object) -> CapturePlan:
    rounds = tuple(Round(point_id=f"p{number}") for number in range(count))
    return CapturePlan.model_validate(
        {"plan_id": "patrol", "name": "巡查", "every_s": every_s, "rounds": rounds, **changes}
    )


def test_every_camera_falls_due_once_in_each_interval_at_its_own_phase() -> None:
    table = Timetable.of([plan(20)])

    first = table.due(START, START + timedelta(seconds=60))
    second = table.due(START + timedelta(seconds=60), START + timedelta(seconds=120))

    assert sorted(due.round.point_id for due in first) == sorted(f"p{n}" for n in range(20))
    assert [due.at for due in first] == sorted(due.at for due in first)
    assert {due.round.point_id: due.at + timedelta(seconds=60) for due in first} == {
        due.round.point_id: due.at for due in second
    }
    assert all(to_us(due.at) % 60_000_000 == phase_us(due.round.point_id, 60) for due in first)


@settings(max_examples=30)
@given(cuts=st.lists(st.integers(0, 80_000_000), max_size=30))
def test_however_often_one_looks_nothing_is_left_out_or_comes_twice(cuts: list[int]) -> None:
    table = Timetable.of([plan(20, every_s=10), plan(20, every_s=37, plan_id="other")])
    moments = [from_us(to_us(START) + offset) for offset in sorted({*range(0, 80_000_001, 10_000_000), *cuts})]

    pieces = [due for low, high in pairwise(moments) for due in table.due(low, high)]

    assert len({(due.at, due.plan_id, due.round.point_id) for due in pieces}) == len(pieces)
    counts = Counter(due.plan_id for due in pieces)
    assert counts["patrol"] == 20 * 8
    assert 20 * 2 <= counts["other"] <= 20 * 3
    assert [due.at for due in pieces] == sorted(due.at for due in pieces)


def test_after_a_long_sleep_each_camera_falls_due_at_most_once_and_nothing_old_does() -> None:
    table = Timetable.of([plan(100, every_s=30)])

    due = table.due(START - timedelta(days=3), START)

    assert len(due) == 100
    assert min(item.at for item in due) > START - timedelta(seconds=30)
    hourly = Timetable.of([plan(100, every_s=3600)])
    assert hourly.due(START - timedelta(days=3), START) == hourly.due(START - timedelta(seconds=60), START)


def test_a_clock_that_goes_back_makes_nothing_due() -> None:
    assert Timetable.of([plan()]).due(START, START - timedelta(seconds=30)) == []


@pytest.mark.parametrize(
    ("changes", "open_at_noon"),
    [
        ({}, True),
        ({"enabled": False}, False),
        ({"calendar": PlanCalendar(windows=(Window(days=(4,), start=time(12), end=time(13)),))}, True),
        ({"calendar": PlanCalendar(windows=(Window(days=(5,), start=time(12), end=time(13)),))}, False),
        ({"calendar": PlanCalendar(special=(SpecialDay(day=date(2026, 11, 26)),))}, False),
        ({"calendar": PlanCalendar(special=(SpecialDay(day=date(2026, 11, 27)),))}, True),
        (
            {
                "calendar": PlanCalendar(
                    windows=(Window(days=(5,)),),
                    special=(SpecialDay(day=date(2026, 11, 26), hours=(Hours(start=time(11), end=time(14)),)),),
                )
            },
            True,
        ),
        (
            {
                "calendar": PlanCalendar(
                    special=(SpecialDay(day=date(2026, 11, 26), hours=(Hours(start=time(8), end=time(12)),)),)
                )
            },
            False,
        ),
    ],
    ids=[
        "always",
        "switched off",
        "in its window",
        "other weekday",
        "closed that day",
        "closed the next day",
        "open as an exception",
        "its exception has ended",
    ],
)
def test_a_plan_works_by_weekday_hour_and_exception(changes: dict[str, object], *, open_at_noon: bool) -> None:
    table = Timetable.of([plan(5, every_s=10, **changes)])

    assert bool(table.due(START, START + timedelta(seconds=10))) is open_at_noon
    assert bool(table.demand_per_s(START)) is open_at_noon


def test_the_demand_counts_every_stop_of_a_cruise() -> None:
    cruise = Round(point_id="dome", stops=tuple(Stop(aim=PresetAim(preset=str(n))) for n in range(6)))

    table = Timetable.of([plan(every_s=60, rounds=(cruise, Round(point_id="gate")))])

    assert round(table.demand_per_s(START) * 60, 6) == 7


def test_ten_thousand_cameras_every_five_minutes_draw_a_flat_line() -> None:
    table = Timetable.of([plan(10_000, every_s=300)])
    mean_per_s = table.demand_per_s(START)
    gate = gate_of(mean_per_s)

    due, began, longest_wait_s = _played(table, gate, seconds=600)

    assert round(mean_per_s, 1) == 33.3
    assert max(due.values()) > 45  # by chance alone
    assert max(began.values()) <= 43
    assert sum(began.values()) == sum(due.values()) == 20_000
    assert longest_wait_s < 5


def test_wake_ups_that_are_late_do_not_slow_the_pace_down() -> None:
    gate, levels = gate_of(28.0), dict[str, Bucket]()
    now_s, begun, late_s = 0.0, 0, 0.008
    while now_s < 60.0:
        now_s += pacing.wait_s(levels, (gate,), now_s) + late_s
        while pacing.wait_s(levels, (gate,), now_s) == 0.0:
            levels.update(pacing.passed(levels, (gate,), now_s))
            begun += 1

    assert begun / 60.0 > 0.98 * gate.rate.per_s


def _played(table: Timetable, gate: Gate, *, seconds: int) -> tuple[Counter[int], Counter[int], float]:
    """Let time pass; return how many fell due and how many began in each second, and the longest wait in s."""
    due, began = Counter[int](), Counter[int]()
    levels: dict[str, Bucket] = {}
    free_s = longest_wait_s = 0.0
    for second in range(seconds):
        for item in table.due(START + timedelta(seconds=second), START + timedelta(seconds=second + 1)):
            at_s = (item.at - START).total_seconds()
            free_s = max(free_s, at_s)
            free_s += pacing.wait_s(levels, (gate,), free_s)
            levels.update(pacing.passed(levels, (gate,), free_s))
            due[int(at_s)] += 1
            began[int(free_s)] += 1
            longest_wait_s = max(longest_wait_s, free_s - at_s)
    return due, began, longest_wait_s


@pytest.mark.parametrize(
    ("changes", "place"),
    [
        ({"every_s": 9}, ("every_s",)),
        ({"every_s": 86_401}, ("every_s",)),
        ({"rounds": ()}, ("rounds",)),
        ({"rounds": ({"point_id": "p", "stops": ()},)}, ("rounds", 0, "stops")),
        ({"rounds": ({"point_id": "p", "stops": ({"dwell_s": 601},)},)}, ("rounds", 0, "stops", 0, "dwell_s")),
    ],
)
def test_a_plan_that_cannot_be_is_refused(changes: dict[str, object], place: tuple[object, ...]) -> None:
    with pytest.raises(ValidationError) as refused:
        plan(**changes)  # type: ignore[arg-type]

    assert refused.value.errors()[0]["loc"] == place
