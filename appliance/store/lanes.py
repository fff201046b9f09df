"""What each lane of the outbox may hold, as values: its quota, its replay ring, and who gives way to whom."""

import sqlite3
from dataclasses import dataclass

from appliance.store import outbox
from federation.messages import Lane

NOTE_EVERY_US = 60_000_000


@dataclass(frozen=True, kw_only=True)
class LaneRule:
    """The bounds of one lane.

    `quota_rows` bounds what the hub has not acknowledged; beyond it the oldest give way to tombstones. Acknowledged
    rows are kept for `replay_us` microseconds, and never more than `replay_rows` of them.
    """

    lane: Lane
    quota_rows: int
    replay_rows: int
    replay_us: int


def prune(db: sqlite3.Connection, rule: LaneRule, now_us: int | None, *, at_most: int) -> int:
    """Remove up to `at_most` acknowledged rows that have left the replay ring; return how many numbers were freed.

    Where the time is not known, rows leave it by their number alone.
    """
    state = outbox.state_of(db, rule.lane)
    expired = 0
    if now_us is not None:
        _note(db, rule.lane, state.acknowledged, now_us)
        (expired,) = db.execute(
            "SELECT coalesce(max(upto), 0) FROM acknowledgements WHERE lane = ? AND at_us <= ?",
            (rule.lane, now_us - rule.replay_us),
        ).fetchone()
    upto = min(state.acknowledged, max(expired, state.acknowledged - rule.replay_rows), state.base - 1 + at_most)
    if upto < state.base:
        return 0
    outbox.forget(db, rule.lane, upto)
    db.execute("DELETE FROM acknowledgements WHERE lane = ? AND upto <= ?", (rule.lane, upto))
    return int(upto - state.base + 1)


def over_quota(db: sqlite3.Connection, rule: LaneRule) -> int:
    """Return how many rows wait beyond the lane's quota."""
    return max(0, outbox.state_of(db, rule.lane).waiting - rule.quota_rows)


def _note(db: sqlite3.Connection, lane: Lane, acknowledged: int, now_us: int) -> None:
    """Note at most once a minute how far the hub has got by now: by these notes the ring knows its rows' age."""
    upto, at_us = db.execute(
        "SELECT coalesce(max(upto), 0), coalesce(max(at_us), 0) FROM acknowledgements WHERE lane = ?", (lane,)
    ).fetchone()
    if acknowledged > upto and not at_us <= now_us < at_us + NOTE_EVERY_US:
        db.execute("INSERT INTO acknowledgements VALUES (?, ?, ?)", (lane, acknowledged, now_us))
