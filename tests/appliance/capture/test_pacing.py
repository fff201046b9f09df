"""Token buckets: what may begin when."""

from hypothesis import given
from hypothesis import strategies as st

from appliance.capture.pacing import Bucket, Gate, Rate, not_full, passed, tokens, wait_s

DOOR = Gate("door", Rate(per_s=2.0, burst=3.0))


def test_a_bucket_lets_its_burst_pass_and_then_its_rate() -> None:
    levels: dict[str, Bucket] = {}
    began: list[float] = []
    now_s = 100.0
    while len(began) < 7:
        pause_s = wait_s(levels, (DOOR,), now_s)
        now_s += pause_s
        if pause_s == 0.0:
            levels.update(passed(levels, (DOOR,), now_s))
            began.append(round(now_s - 100.0, 3))

    assert began == [0.0, 0.0, 0.0, 0.5, 1.0, 1.5, 2.0]


def test_who_passes_several_gates_waits_for_the_slowest() -> None:
    slow = Gate("slow", Rate(per_s=0.1))
    levels = passed({}, (DOOR, slow), 0.0)

    assert wait_s(levels, (DOOR,), 0.0) == 0.0
    assert round(wait_s(levels, (DOOR, slow), 0.0), 3) == 10.0


def test_a_clock_that_stands_still_gives_no_tokens() -> None:
    levels = passed({}, (DOOR,), 50.0)

    assert tokens(levels, DOOR, 50.0) == tokens(levels, DOOR, 40.0) == 2.0


def test_full_buckets_are_forgotten() -> None:
    levels = {"door": Bucket(1.0, 0.0), "gone": Bucket(0.0, 0.0)}

    assert not_full(levels, {"door": DOOR.rate}, 0.5) == {"door": Bucket(1.0, 0.0)}
    assert not_full(levels, {"door": DOOR.rate}, 1.0) == {}


@given(pauses=st.lists(st.floats(0, 2), min_size=1, max_size=200))
def test_never_more_pass_than_burst_and_rate_allow(pauses: list[float]) -> None:
    levels: dict[str, Bucket] = {}
    now_s, passed_count = 0.0, 0
    for pause_s in pauses:
        now_s += pause_s
        if wait_s(levels, (DOOR,), now_s) == 0.0:
            levels.update(passed(levels, (DOOR,), now_s))
            passed_count += 1

    assert passed_count <= DOOR.rate.burst + now_s * DOOR.rate.per_s + 0.001
