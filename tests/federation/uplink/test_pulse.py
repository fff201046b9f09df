"""What a node concludes from beats and their answers."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from federation.messages import BeatAnswer, Shard
from federation.uplink.pulse import MOST_UNANSWERED, Pulse

AT = datetime(2026, 11, 24, 8, tzinfo=UTC)
WORK = (7, 3)


def answer(number: int, *, wanted: tuple[int, int] | None = WORK, run: str = "r", at: datetime = AT) -> BeatAnswer:
    return BeatAnswer(number=number, incarnation=1, run=run, at=at, wanted={Shard.WORK: wanted} if wanted else {})


def test_a_confirmation_counts_from_when_the_beat_was_sent_not_from_when_it_was_answered() -> None:
    pulse = Pulse().beating(100.0, AT).heard(answer(1), 104.0, WORK)

    assert (pulse.confirmed_s, pulse.answered_s, pulse.answered) == (100.0, 104.0, 1)
    assert pulse.silent_s(110.0) == 6.0
    assert Pulse().silent_s(110.0) is None


@pytest.mark.parametrize(("wanted", "followed"), [(WORK, (7, 2)), (WORK, None), (None, WORK)])
def test_who_follows_something_else_than_is_wanted_is_answered_but_not_confirmed(
    wanted: tuple[int, int] | None, followed: tuple[int, int] | None
) -> None:
    pulse = Pulse().beating(1.0, AT).heard(answer(1, wanted=wanted), 2.0, followed)

    assert (pulse.answered, pulse.confirmed_s) == (1, None)


def test_a_hub_that_speaks_by_itself_lives_and_confirms_nothing() -> None:
    pulse = Pulse().beating(1.0, AT).heard(answer(0, run="anew"), 2.0, WORK)

    assert (pulse.run, pulse.answered_s, pulse.answered, pulse.confirmed_s) == ("anew", 2.0, 0, None)


def test_an_answer_that_comes_twice_or_was_never_awaited_confirms_nothing_new() -> None:
    pulse = Pulse().beating(1.0, AT).heard(answer(1), 2.0, WORK).beating(50.0, AT)

    assert pulse.heard(answer(1), 60.0, WORK).confirmed_s == 1.0
    assert pulse.heard(answer(99), 60.0, WORK).confirmed_s == 1.0


def test_the_offset_of_the_clock_is_that_of_the_middle_of_the_trip() -> None:
    sent = AT + timedelta(seconds=90)  # our clock is before the hub's
    pulse = Pulse().beating(10.0, sent).heard(answer(1, at=AT + timedelta(seconds=1)), 12.0, WORK)

    assert (pulse.offset_s, pulse.round_trip_s) == (90.0, 2.0)


@given(st.lists(st.tuples(st.booleans(), st.integers(min_value=0, max_value=60)), max_size=80))
def test_no_order_of_answers_makes_a_node_believe_longer_than_it_was_confirmed(said: list[tuple[bool, int]]) -> None:
    pulse, now_s, confirmed = Pulse(), 0.0, [0.0]

    for is_beat, number in said:
        now_s += 1.0
        if is_beat:
            pulse = pulse.beating(now_s, AT)
        else:
            awaited = {beat.number: beat.sent_s for beat in pulse.unanswered}
            pulse = pulse.heard(answer(number), now_s, WORK)
            confirmed.append(awaited.get(number, confirmed[-1]))
        assert pulse.confirmed_s in {None, confirmed[-1]}
        assert pulse.confirmed_s is None or pulse.confirmed_s < now_s
        assert len(pulse.unanswered) <= MOST_UNANSWERED
