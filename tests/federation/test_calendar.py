"""When a task works: the edges of its hours."""

from datetime import date, datetime, time
from zoneinfo import ZoneInfo

import pytest
from pydantic import ValidationError

from federation.messages import Calendar
from federation.messages.calendar import Window

SHANGHAI = ZoneInfo("Asia/Shanghai")
NIGHT = Calendar(windows=(Window(days=(5,), start=time(22)), Window(days=(6,), end=time(6))))
"""From Friday 22:00 to Saturday 06:00."""


@pytest.mark.parametrize(
    ("day", "clock", "is_open"),
    [
        (27, "21:59:59.999999", False),
        (27, "22:00:00", True),
        (27, "23:59:59.999999", True),
        (28, "00:00:00", True),
        (28, "05:59:59.999999", True),
        (28, "06:00:00", False),
        (28, "22:00:00", False),
        (27, "00:00:00", False),
    ],
)
def test_a_night_begins_with_its_first_moment_goes_on_over_midnight_and_ends_before_its_last(
    day: int, clock: str, *, is_open: bool
) -> None:
    local = datetime.combine(date(2026, 11, day), time.fromisoformat(clock), SHANGHAI)

    assert NIGHT.is_open(local) == is_open
    assert NIGHT.is_open(local.astimezone(ZoneInfo("UTC"))) == is_open


@pytest.mark.parametrize("end", [time(6), time(22)])
def test_a_window_over_midnight_or_of_no_time_is_refused_with_what_to_do(end: time) -> None:
    with pytest.raises(ValidationError, match="split one that crosses midnight in two"):
        Window(start=time(22), end=end)
