"""Fair shares: who has a backlog shares one window, who has none is not slowed by it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from federation.messages import Batch, Hello, Lane
from hub.custody.credit import (
    FORGOTTEN_AFTER_S,
    FRESH_CREDIT,
    LARGEST_CREDIT,
    LARGEST_WINDOW,
    LEAST_CREDIT,
    LONGEST_LINGER_S,
    SMALLEST_WINDOW,
    CreditDesk,
    Terms,
    waiting_behind,
)
from hub.custody.intake import LaneKey


def batch(node_id: str, waiting: int) -> Batch:
    return Batch(node_id=node_id, epoch="e", lane=Lane.EVENTS, first=1, rows=({},), waiting=waiting)


def hello(node_id: str, base: int, following: int, acknowledged: int = 0) -> Hello:
    return Hello(node_id=node_id, epoch="e", lane=Lane.EVENTS, base=base, next=following, acknowledged=acknowledged)


def terms(desk: CreditDesk, node_id: str) -> Terms:
    return desk.terms(LaneKey(node_id=node_id, epoch="e", lane=Lane.EVENTS))


def test_a_lane_without_a_backlog_may_always_send_one_batch() -> None:
    desk = CreditDesk()
    for number in range(1000):
        desk.heard(batch(f"n{number}", waiting=5000), now=0)
    desk.heard(batch("fresh", waiting=0), now=0)

    assert terms(desk, "fresh").credit == FRESH_CREDIT


@pytest.mark.parametrize(("lanes", "credit"), [(1, LARGEST_CREDIT), (20, 400), (1000, 8), (10_000, LEAST_CREDIT)])
def test_lanes_with_a_backlog_share_the_window_and_none_starves(lanes: int, credit: int) -> None:
    desk = CreditDesk()
    for number in range(lanes):
        desk.heard(batch(f"n{number}", waiting=1), now=0)

    assert terms(desk, "n0").credit == credit


def test_who_has_handed_over_everything_leaves_the_shares_of_the_others_larger() -> None:
    desk = CreditDesk()
    for node_id in ("a", "b", *(f"n{number}" for number in range(38))):
        desk.heard(batch(node_id, waiting=1), now=0)

    before = terms(desk, "a").credit
    for number in range(38):
        desk.heard(batch(f"n{number}", waiting=0), now=0)

    assert (before, terms(desk, "a").credit) == (200, LARGEST_CREDIT)


def test_who_is_not_heard_any_more_is_forgotten() -> None:
    desk = CreditDesk()
    for number in range(100):
        desk.heard(batch(f"n{number}", waiting=1), now=0)

    desk.heard(batch("n0", waiting=1), now=FORGOTTEN_AFTER_S + 1)

    assert terms(desk, "n0") == Terms(credit=LARGEST_CREDIT, linger_s=0)


@pytest.mark.parametrize(("rows_per_s", "window"), [(100, SMALLEST_WINDOW), (4000, 2000), (10**6, LARGEST_WINDOW)])
def test_the_window_is_what_the_hub_works_off_in_half_a_second(rows_per_s: int, window: int) -> None:
    desk = CreditDesk()
    for _ in range(200):
        desk.worked(rows_per_s, 1.0)
    for number in range(100):
        desk.heard(batch(f"n{number}", waiting=1), now=0)

    assert terms(desk, "n0").credit == pytest.approx(window / 100, abs=1)


def test_few_rows_say_nothing_about_the_speed() -> None:
    desk = CreditDesk()
    before = desk.rows_per_s

    desk.worked(FRESH_CREDIT - 1, 60.0)

    assert desk.rows_per_s == before


@pytest.mark.parametrize(("nodes", "linger_s"), [(3, 0), (39, 0), (40, 0.02), (1000, 0.5), (9000, LONGEST_LINGER_S)])
def test_rows_of_a_large_fleet_wait_for_each_other(nodes: int, linger_s: float) -> None:
    desk = CreditDesk()
    for number in range(nodes):
        desk.heard(batch(f"n{number}", waiting=0), now=0)

    assert terms(desk, "n0").linger_s == pytest.approx(linger_s)


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 3), st.floats(0, 100)), max_size=60))
def test_what_is_granted_never_exceeds_its_bounds(said: list[tuple[int, int, float]]) -> None:
    desk = CreditDesk()
    for number, waiting, now in sorted(said, key=lambda each: each[2]):
        desk.heard(batch(f"n{number}", waiting), now)

        granted = terms(desk, f"n{number}")

        assert LEAST_CREDIT <= granted.credit <= LARGEST_CREDIT
        assert 0 <= granted.linger_s <= LONGEST_LINGER_S


@pytest.mark.parametrize(
    ("message", "waiting"),
    [
        (batch("n", 7), 7),
        (hello("n", base=1, following=1), 0),
        (hello("n", base=1, following=11), 10),
        (hello("n", base=4, following=11, acknowledged=8), 2),
        (hello("n", base=9, following=11, acknowledged=3), 2),
    ],
)
def test_a_message_says_what_waits_behind_it(message: Batch | Hello, waiting: int) -> None:
    assert waiting_behind(message) == waiting
