"""When a system that fails is asked again."""

from appliance.analysis.outside.breaker import LONGEST_PAUSE_S, LONGEST_WISH_S, OPENS_AFTER, Breaker


def after(failures: int, *, now_s: float = 100.0, wish_s: float = 0.0) -> Breaker:
    breaker = Breaker()
    for _ in range(failures):
        breaker = breaker.asked().failed(now_s, wish_s=wish_s)
    return breaker


def test_single_failures_keep_nobody_from_asking() -> None:
    assert after(OPENS_AFTER - 1).lets_through(100.0)


def test_after_some_failures_in_a_row_it_is_left_alone_for_pauses_that_double() -> None:
    pauses_s = [after(OPENS_AFTER + more).not_before_s - 100.0 for more in (0, 1, 2, 20, 4000)]

    assert pauses_s == [1.0, 2.0, 4.0, LONGEST_PAUSE_S, LONGEST_PAUSE_S]
    assert not after(OPENS_AFTER).lets_through(100.9)


def test_when_the_pause_is_over_one_asks_and_the_others_wait_for_what_becomes_of_it() -> None:
    breaker = after(OPENS_AFTER)

    assert breaker.lets_through(101.0)
    assert not breaker.asked().lets_through(101.0)
    assert breaker.asked().let_go().lets_through(101.0)
    assert not breaker.asked().failed(101.0).lets_through(102.9)


def test_a_system_that_asks_for_a_pause_gets_it_at_once_up_to_a_limit() -> None:
    assert after(1, wish_s=30).not_before_s == 130.0
    assert after(1, wish_s=1e9).not_before_s == 100.0 + LONGEST_WISH_S
