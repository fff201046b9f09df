"""Shares and turns: who has a backlog shares one window, who has none is not slowed by it."""

from collections.abc import Iterable
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from federation.messages import BATCH_ROWS, Ack, Batch, Hello, Lane
from hub.custody.credit import (
    FORGOTTEN_AFTER_S,
    LARGEST_CREDIT,
    LARGEST_WINDOW,
    LEAST_CREDIT,
    LONGEST_LINGER_S,
    SMALLEST_WINDOW,
    TURN_S,
    CreditDesk,
    last_made,
)
from hub.custody.intake import LaneKey


def key_of(node_id: str) -> LaneKey:
    return LaneKey(node_id=node_id, epoch="e", lane=Lane.EVENTS)


def hello(node_id: str, upto: int, made: int) -> Hello:
    return Hello(node_id=node_id, epoch="e", lane=Lane.EVENTS, base=upto + 1, next=made + 1, acknowledged=upto)


@dataclass(kw_only=True)
class Hall:
    """A desk and those who stand before it: how much each has made and handed over, and may send by the last answer."""

    desk: CreditDesk = field(default_factory=CreditDesk)
    made: dict[str, int] = field(default_factory=dict)
    upto: dict[str, int] = field(default_factory=dict)
    may_send: dict[str, int] = field(default_factory=dict)

    def comes(self, node_ids: Iterable[str], waiting: int, now: float = 0.0) -> list[str]:
        """Let nodes greet, all in one commit; return who was answered."""
        names = list(node_ids)
        for node_id in names:
            self.made[node_id] = self.upto.setdefault(node_id, 0) + waiting
            self._heard(node_id, now)
        return self.looks(now, *names)

    def sends(self, node_id: str, now: float = 0.0) -> list[str]:
        """Let a node send a batch of what it may, and have it committed; return who was answered."""
        count = min(self.may_send.get(node_id, 0), self.made[node_id] - self.upto[node_id], BATCH_ROWS)
        self.upto[node_id] += count
        self.may_send[node_id] -= count
        self._heard(node_id, now)
        return self.looks(now, node_id)

    def looks(self, now: float, *heard: str) -> list[str]:
        """Let the desk look at its clock; return who was answered."""
        answers = self.desk.answers([key_of(node_id) for node_id in heard], now)
        for key, ack in answers:
            self.may_send[key.node_id] = ack.upto + ack.credit - self.upto[key.node_id]
        return [key.node_id for key, _ in answers]

    def _heard(self, node_id: str, now: float) -> None:
        ack = Ack(epoch="e", lane=Lane.EVENTS, upto=self.upto[node_id])
        self.desk.heard(hello(node_id, self.upto[node_id], self.made[node_id]), ack, now)


def names(count: int) -> list[str]:
    return [f"n{number}" for number in range(count)]


@pytest.fixture
def hall() -> Hall:
    return Hall()


def test_a_lane_without_a_backlog_may_send_at_once_whoever_else_has_one(hall: Hall) -> None:
    hall.comes(names(1000), waiting=5000)

    hall.comes(["fresh"], waiting=0)

    assert hall.may_send["fresh"] >= LEAST_CREDIT


@pytest.mark.parametrize(("lanes", "credit"), [(1, BATCH_ROWS), (75, 100), (150, 50), (1000, 7), (2000, LEAST_CREDIT)])
def test_what_lanes_without_a_backlog_may_send_together_takes_the_hub_about_a_second(lanes: int, credit: int) -> None:
    hall = Hall(desk=CreditDesk(rows_per_s=5000))

    hall.comes(names(lanes), waiting=0)

    assert set(hall.may_send.values()) == {credit}


@pytest.mark.parametrize(("lanes", "credit"), [(1, LARGEST_CREDIT), (10, 800), (20, 400), (80, BATCH_ROWS)])
def test_few_lanes_with_a_backlog_share_the_window(hall: Hall, lanes: int, credit: int) -> None:
    hall.comes(names(lanes), waiting=5000)

    assert set(hall.may_send.values()) == {credit}


def test_many_lanes_with_a_backlog_take_turns_with_whole_batches(hall: Hall) -> None:
    hall.comes(names(1000), waiting=5000)

    assert sorted(hall.may_send.values()) == [0] * 920 + [BATCH_ROWS] * 80


def test_who_has_had_a_turn_is_followed_by_the_next(hall: Hall) -> None:
    hall.comes(names(1000), waiting=5000)

    answered = hall.sends("n3")

    assert answered == ["n3", "n80"]
    assert (hall.may_send["n3"], hall.may_send["n80"]) == (0, BATCH_ROWS)


def test_everybody_gets_a_turn_before_anybody_gets_two(hall: Hall) -> None:
    hall.comes(names(300), waiting=5000)

    turns = [name for name in names(300) if hall.may_send[name]]
    for turn in range(300):
        turns += [name for name in hall.sends(turns[turn]) if hall.may_send[name]]

    assert sorted(turns[:300]) == sorted(names(300))


def test_who_needs_one_turn_alone_does_not_wait_for_a_round(hall: Hall) -> None:
    hall.comes(names(1000), waiting=5000)
    hall.comes(["short"], waiting=30)

    for number in range(2):
        hall.sends(f"n{number}")

    assert hall.may_send["short"] == BATCH_ROWS


def test_who_has_made_more_until_its_turn_comes_hands_everything_over_in_one(hall: Hall) -> None:
    hall.comes(names(80), waiting=5000)
    hall.comes(["growing"], waiting=1)

    hall.made["growing"] += 90
    hall.sends("n0")
    hall.sends("growing")

    assert hall.upto["growing"] == hall.made["growing"]


def test_who_needs_many_turns_gets_them_among_those_who_need_one(hall: Hall) -> None:
    hall.comes(names(200), waiting=100)
    hall.comes(["long"], waiting=5000)

    for number in range(2):
        hall.sends(f"n{number}")

    assert hall.may_send["long"] == BATCH_ROWS


def test_who_has_handed_over_everything_leaves_the_shares_of_the_others_larger(hall: Hall) -> None:
    hall.comes(names(40), waiting=5000)
    before = hall.may_send["n0"]
    hall.comes(names(40)[2:], waiting=0)

    hall.sends("n0")

    assert (before, hall.may_send["n0"]) == (200, LARGEST_CREDIT)


def test_a_turn_that_is_not_used_goes_to_the_next(hall: Hall) -> None:
    hall.comes(names(160), waiting=5000)

    answered = hall.looks(TURN_S + 1)

    assert answered == names(160)[80:]
    assert hall.desk.granted == LARGEST_WINDOW


def test_who_comes_late_with_a_turn_that_was_taken_back_waits_for_another(hall: Hall) -> None:
    hall.comes(names(160), waiting=5000)
    hall.looks(TURN_S + 1)

    hall.sends("n0", now=TURN_S + 2)
    hall.sends("n80", now=TURN_S + 2)

    assert (hall.upto["n0"], hall.may_send["n0"]) == (BATCH_ROWS, BATCH_ROWS)


def test_a_turn_does_not_refuse_again_what_was_refused_before(hall: Hall) -> None:
    hall.comes(names(81), waiting=5000)
    refused = Ack(epoch="e", lane=Lane.EVENTS, upto=0, nak=True)
    hall.desk.heard(hello("n80", 0, 5000), refused, 0)
    first = dict(hall.desk.answers([key_of("n80")], 0))

    hall.desk.heard(hello("n0", 5000, 5000), Ack(epoch="e", lane=Lane.EVENTS, upto=5000), 0)
    second = dict(hall.desk.answers([], 0))

    assert (first[key_of("n80")].nak, second[key_of("n80")].nak) == (True, False)


def test_who_is_not_heard_any_more_is_forgotten(hall: Hall) -> None:
    hall.comes(names(2000), waiting=0)

    hall.comes(["n0"], waiting=0, now=FORGOTTEN_AFTER_S + 1)

    assert hall.may_send["n0"] == BATCH_ROWS


def test_after_the_broker_was_away_everybody_is_a_stranger(hall: Hall) -> None:
    hall.comes(names(1000), waiting=5000)

    hall.desk.forget()

    assert hall.desk.granted == 0
    assert hall.looks(0) == []
    assert hall.comes(["n999"], waiting=5000) == ["n999"]
    assert hall.may_send["n999"] == LARGEST_CREDIT


@pytest.mark.parametrize(("rows_per_s", "window"), [(100, SMALLEST_WINDOW), (4000, 2000), (10**6, LARGEST_WINDOW)])
def test_the_window_is_what_the_hub_works_off_in_half_a_second(rows_per_s: int, window: int) -> None:
    desk = CreditDesk()
    for second in range(200):
        desk.worked(rows_per_s, float(second))

    assert desk.window == pytest.approx(window, abs=1)


def test_few_rows_say_nothing_about_the_speed() -> None:
    desk = CreditDesk()
    before = desk.rows_per_s

    for second in range(200):
        desk.worked(BATCH_ROWS - 1, float(second))

    assert desk.rows_per_s == before


@pytest.mark.parametrize(("nodes", "linger_s"), [(3, 0), (19, 0), (20, 0.02), (500, 0.5), (1500, LONGEST_LINGER_S)])
def test_rows_of_a_large_fleet_wait_for_each_other(nodes: int, linger_s: float) -> None:
    hall = Hall()
    hall.comes(names(nodes), waiting=0)

    ((_, ack),) = hall.desk.answers([key_of("n0")], 0)

    assert ack.linger_ms == pytest.approx(linger_s * 1000)


STEPS = st.lists(
    st.tuples(st.integers(0, 12), st.integers(0, 400), st.booleans(), st.floats(0, 2)),
    max_size=40,
)


@settings(max_examples=40)
@given(STEPS)
def test_backlogs_on_their_way_never_exceed_the_window_and_all_are_handed_over(
    steps: list[tuple[int, int, bool, float]],
) -> None:
    hall, now = Hall(desk=CreditDesk(rows_per_s=SMALLEST_WINDOW)), 0.0
    for number, more, arrives, pause_s in steps:
        now += pause_s
        name = f"n{number}"
        if arrives and name in hall.made:
            hall.made[name] += more
            hall.sends(name, now)
        else:
            hall.comes([name], waiting=more, now=now)
        assert hall.desk.granted <= SMALLEST_WINDOW

    rounds = 0
    while hall.upto != hall.made and (rounds := rounds + 1) < 1000:  # everybody speaks when it may, or greets
        now += 0.1
        for name in hall.made:
            hall.sends(name, now)
            assert hall.desk.granted <= SMALLEST_WINDOW

    assert hall.upto == hall.made


@pytest.mark.parametrize(
    ("message", "last"),
    [
        (Batch(node_id="n", epoch="e", lane=Lane.EVENTS, first=5, rows=("{}",), waiting=7), 12),
        (hello("n", 0, 0), 0),
        (hello("n", 4, 10), 10),
    ],
)
def test_a_message_says_what_was_made_last(message: Batch | Hello, last: int) -> None:
    assert last_made(message) == last
