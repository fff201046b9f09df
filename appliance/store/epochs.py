"""Epochs of a lane: in each its numbers start anew at 1. What of an epoch that is over went is remembered."""

import sqlite3
from collections.abc import Iterable

from appliance.store import outbox
from federation.messages import PAST_EPOCHS, Lane, PastEpoch


def past(db: sqlite3.Connection, lane: Lane) -> tuple[PastEpoch, ...]:
    """Return the epochs before the present one, oldest first: the newest `PAST_EPOCHS` of them."""
    found = db.execute(
        "SELECT epoch, produced, acknowledged, reserved FROM past_epochs WHERE lane = ? ORDER BY number", (lane,)
    ).fetchall()
    return tuple(
        PastEpoch(epoch=epoch, produced=produced, acknowledged=acknowledged, reserved=reserved)
        for epoch, produced, acknowledged, reserved in found[-PAST_EPOCHS:]
    )


def remember(db: sqlite3.Connection, lane: Lane, ended: Iterable[PastEpoch]) -> None:
    """Let these, oldest first, be all that is known of the epochs before."""
    db.execute("DELETE FROM past_epochs WHERE lane = ?", (lane,))
    db.executemany(
        "INSERT INTO past_epochs (lane, epoch, produced, acknowledged, reserved) VALUES (?, ?, ?, ?, ?)",
        [(lane, each.epoch, each.produced, each.acknowledged, each.reserved) for each in tuple(ended)[-PAST_EPOCHS:]],
    )


def leave_out(db: sqlite3.Connection, lane: Lane, given: PastEpoch, at_us: int) -> None:
    """Put tombstones over the numbers that a database gave, or may have given, which was newer than this one."""
    last = outbox.state_of(db, lane).produced
    for upto, reason in (
        (min(given.acknowledged, given.produced), outbox.EXPIRED),
        (given.produced, outbox.REPLACED),
        (given.reserved, outbox.UNCERTAIN),
    ):
        outbox.give_up(db, lane, count=upto - last, reason=reason, at_us=at_us)
        last = max(last, upto)


def begin(db: sqlite3.Connection, lane: Lane, epoch: str, claimed: int) -> None:
    """Give what is not yet acknowledged new numbers from 1 on, in a new epoch.

    Needed when this database turns out to be older than what the hub has: its next numbers are taken, up to `claimed`.
    """
    state = outbox.state_of(db, lane)
    (left_out,) = db.execute(
        "SELECT coalesce(max(last), 0) FROM tombstones WHERE lane = ? AND reason IN (?, ?, ?) AND last <= ?",
        (lane, *outbox.OF_BEFORE, claimed),
    ).fetchone()
    ended = PastEpoch(epoch=state.epoch, produced=claimed, acknowledged=claimed)
    remember(db, lane, (*past(db, lane), ended))
    _renumber(db, lane, epoch, max(state.acknowledged, left_out))


def begin_again(db: sqlite3.Connection, lane: Lane, epoch: str, *, same_hub: bool) -> None:
    """Begin a new epoch in which everything that is still held goes to a hub that has let this box in.

    Another hub than before never hears of what is held no more; the same one may have lost it, and asks.
    """
    state = outbox.state_of(db, lane)
    gone = state.base - 1
    ended = PastEpoch(epoch=state.epoch, produced=gone, acknowledged=gone)
    remember(db, lane, (*past(db, lane), ended) if same_hub else ())
    _renumber(db, lane, epoch, gone)


def _renumber(db: sqlite3.Connection, lane: Lane, epoch: str, upto: int) -> None:
    """Begin an epoch with what is held behind `upto`."""
    outbox.forget(db, lane, upto)
    db.execute("DELETE FROM acknowledgements WHERE lane = ?", (lane,))
    # By way of negative numbers, so that no row meets another on its way.
    db.execute("UPDATE outbox SET sequence = ? - sequence WHERE lane = ?", (upto, lane))
    db.execute("UPDATE outbox SET sequence = -sequence WHERE lane = ?", (lane,))
    db.execute("UPDATE tombstones SET first = ? - first, last = last - ? WHERE lane = ?", (upto, upto, lane))
    db.execute("UPDATE tombstones SET first = -first WHERE lane = ?", (lane,))
    db.execute(
        "UPDATE lanes SET epoch = ?, produced = produced - ?, acknowledged = 0 WHERE lane = ?", (epoch, upto, lane)
    )
