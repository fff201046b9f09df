"""Custody over a link that loses what it likes: nothing lost, nothing doubled, order kept."""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from federation.custody.receiver import Gap, greet, receive
from federation.custody.sender import Sender
from federation.messages import BATCH_ROWS, Ack, Batch, Hello, Lane, Tombstone

EPOCH = "e1"


def batch(first: int, count: int) -> Batch:
    rows = tuple(str(number) for number in range(first, first + count))
    return Batch(node_id="n1", epoch=EPOCH, lane=Lane.EVENTS, first=first, rows=rows)


def tombstone(first: int, last: int) -> Batch:
    stone = Tombstone(last=last, reason="quota", at=datetime(2026, 1, 1, tzinfo=UTC))
    return Batch(node_id="n1", epoch=EPOCH, lane=Lane.EVENTS, first=first, tombstone=stone)


def hello(base: int, following: int) -> Hello:
    return Hello(node_id="n1", epoch=EPOCH, lane=Lane.EVENTS, base=base, next=following)


@dataclass(kw_only=True)
class World:
    """A sender, a hub, and the messages between them; `produced` rows are in the outbox."""

    sender: Sender = field(default_factory=lambda: Sender(epoch=EPOCH))
    produced: int = 0
    rows: list[int] = field(default_factory=list)
    cursor: int = 0

    def step(self, action: str, *, arrives: bool, answered: bool) -> None:
        if action == "produce":
            self.produced += 7
        elif action == "restart":  # what is durable survives, the rest does not
            self.sender = Sender(epoch=EPOCH, acknowledged=self.sender.acknowledged)
        elif action == "timeout":
            self.sender = self.sender.timed_out()
        elif not self.sender.greeted:
            if arrives:
                verdict = greet(self.cursor, hello(1, self.produced + 1))
                self.answer(verdict.upto, nak=False, answered=answered)
        elif (following := self.sender.next_rows(self.produced)) is not None:
            sent = batch(*following)
            self.sender = self.sender.dispatched(sent.last)
            if arrives:
                verdict = receive(self.cursor, sent)
                self.rows += [int(row) for row in sent.rows[verdict.skip :]] if verdict.accepted else []
                self.cursor = verdict.upto
                self.answer(verdict.upto, nak=verdict.nak, answered=answered)

    def answer(self, upto: int, *, nak: bool, answered: bool) -> None:
        if answered:
            ack = Ack(epoch=EPOCH, lane=Lane.EVENTS, upto=upto, credit=800, nak=nak)
            self.sender = self.sender.answered(ack)


ACTIONS = st.tuples(
    st.sampled_from(["produce", "send", "send", "send", "restart", "timeout"]),
    st.booleans(),
    st.booleans(),
)


@given(st.lists(ACTIONS, max_size=60))
def test_whatever_is_lost_the_hub_ends_with_every_row_once_and_in_order(
    steps: list[tuple[str, bool, bool]],
) -> None:
    world = World()
    for action, arrives, answered in steps:
        world.step(action, arrives=arrives, answered=answered)

    world.step("timeout", arrives=True, answered=True)
    for _ in range(world.produced // BATCH_ROWS + 3):
        world.step("send", arrives=True, answered=True)

    assert world.rows == list(range(1, world.produced + 1))
    assert world.sender.acknowledged == world.produced


def test_a_batch_behind_a_hole_is_refused() -> None:
    verdict = receive(3, batch(5, 2))

    assert (verdict.nak, verdict.accepted, verdict.upto) == (True, 0, 3)


def test_a_repeat_is_acknowledged_and_changes_nothing() -> None:
    verdict = receive(6, batch(5, 2))

    assert (verdict.nak, verdict.accepted, verdict.upto) == (False, 0, 6)


def test_a_half_known_batch_gives_only_what_is_new() -> None:
    verdict = receive(5, batch(4, 4))

    assert (verdict.skip, verdict.accepted, verdict.upto) == (2, 2, 7)


def test_rows_that_the_sender_no_longer_holds_are_a_gap() -> None:
    assert greet(3, hello(10, 12)).gaps == (Gap(first=4, last=9),)


@pytest.mark.parametrize(
    ("acknowledged", "gaps"),
    [
        (0, (Gap(first=4, last=9, reason="unknown"),)),
        (3, (Gap(first=4, last=9, reason="unknown"),)),
        (6, (Gap(first=4, last=6, reason="expired"), Gap(first=7, last=9, reason="unknown"))),
        (9, (Gap(first=4, last=9, reason="expired"),)),
        (99, (Gap(first=4, last=9, reason="expired"),)),
    ],
)
def test_a_gap_says_which_of_it_the_hub_had_once(acknowledged: int, gaps: tuple[Gap, ...]) -> None:
    told = hello(10, 12).model_copy(update={"acknowledged": acknowledged})

    verdict = greet(3, told)

    assert (verdict.upto, verdict.gaps) == (9, gaps)


@pytest.mark.parametrize(
    ("cursor", "upto", "gaps"),
    [
        (3, 9, (Gap(first=4, last=9, reason="quota"),)),
        (6, 9, (Gap(first=7, last=9, reason="quota"),)),
        (9, 9, ()),
        (12, 12, ()),
    ],
)
def test_a_tombstone_is_a_gap_of_what_the_hub_has_not(cursor: int, upto: int, gaps: tuple[Gap, ...]) -> None:
    verdict = receive(cursor, tombstone(4, 9))

    assert (verdict.upto, verdict.accepted, verdict.gaps) == (upto, 0, gaps)


def test_a_tombstone_behind_a_hole_is_refused() -> None:
    assert receive(2, tombstone(4, 9)).nak


def test_a_hub_from_a_backup_gets_again_what_it_forgot() -> None:
    knowing = replace(Sender(epoch=EPOCH), acknowledged=50).connected()

    told = knowing.answered(Ack(epoch=EPOCH, lane=Lane.EVENTS, upto=20))

    assert told.next_rows(60) == (21, 40)


def test_nothing_flies_without_credit() -> None:
    told = Sender(epoch=EPOCH).answered(Ack(epoch=EPOCH, lane=Lane.EVENTS, upto=0, credit=0))

    assert told.next_rows(10) is None


def test_silence_makes_the_pauses_longer_up_to_a_bound() -> None:
    silent = Sender(epoch=EPOCH)
    for _ in range(30):
        silent = silent.timed_out()

    assert Sender(epoch=EPOCH).timeout_s() == 2.0
    assert silent.timeout_s() == 30.0


def test_who_waits_for_credit_asks_only_now_and_then() -> None:
    told = Sender(epoch=EPOCH).answered(Ack(epoch=EPOCH, lane=Lane.EVENTS, upto=0, credit=0))

    assert told.waits_for_answer(produced=1)
    assert not told.waits_for_answer(produced=0)
    assert told.timeout_s() == 30.0


@pytest.mark.parametrize(
    ("count", "since_s", "pause_s"),
    [(1, 0.1, 0.4), (1, 0.5, 0), (1, 99, 0), (BATCH_ROWS - 1, 0.1, 0.4), (BATCH_ROWS, 0, 0)],
)
def test_rows_wait_for_others_as_long_as_the_hub_asks_and_no_full_batch_does(
    count: int, since_s: float, pause_s: float
) -> None:
    told = Sender(epoch=EPOCH).answered(Ack(epoch=EPOCH, lane=Lane.EVENTS, upto=0, linger_ms=500))

    assert told.pause_s(count, since_s) == pytest.approx(pause_s)
