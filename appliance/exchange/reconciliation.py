"""Reconciliation on this box: what it has of its lanes, to be held against what the hub has."""

import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime

from appliance.exchange.partner import Partner
from appliance.store import exports, outbox
from appliance.store.moments import from_us, to_us
from federation.custody.ranges import Ranges, Span
from federation.exchange.reconciliation import (
    MOST_SPANS,
    RECENT,
    Difference,
    LaneTally,
    Report,
    Side,
    TalliedRow,
    compare,
    tally,
)
from federation.messages import Lane


def report(db: sqlite3.Connection, partner: Partner) -> Report:
    """Return what this box has of its lanes and has given away, by files or otherwise."""
    exported = {each.lane: each.upto for each in exports.figures(db)}
    return Report(
        side=Side.NODE,
        node_id=partner.node_id,
        hub_id=partner.hub_id,
        made_at=datetime.now(UTC),
        lanes=tuple(_lane(db, lane, exported[lane]) for lane in Lane),
    )


def held_against(db: sqlite3.Connection, partner: Partner, hub: Report) -> tuple[Difference, ...]:
    """Return what the hub lacks by its own report."""
    return compare(report(db, partner), hub)


def export_again(db: sqlite3.Connection, partner: Partner, hub: Report, now_us: int) -> tuple[int, int]:
    """Let everything that the hub lacks by its own report be exported again; return how many rows and pictures."""
    lacking = held_against(db, partner, hub)
    rows = sum(exports.request(db, each.lane, (each.first, each.last), now_us) for each in lacking)
    return rows, sum(exports.picture_requested(db, digest) for digest in hub.pictures_missing)


def _lane(db: sqlite3.Connection, lane: Lane, exported: int) -> LaneTally:
    state = outbox.state_of(db, lane)
    last = max(exported, state.acknowledged)
    held: tuple[Span, ...] = ((state.base, last),) if state.base <= last else ()
    graves = Ranges.of(db.execute("SELECT first, last FROM tombstones WHERE lane = ?", (lane,)).fetchall())
    spans = tuple(hole for first, last in held for hole in graves.missing(first, last))
    days = tally(_events(db, last)) if lane is Lane.EVENTS else ()
    return LaneTally(lane=lane, epoch=state.epoch, spans=spans[-MOST_SPANS:], days=days)


def _events(db: sqlite3.Connection, last: int) -> Iterator[TalliedRow]:
    found = db.execute(
        "SELECT sequence, id, time_us FROM outbox JOIN events ON number = event_number"
        " WHERE lane = ? AND sequence <= ? AND time_us >= ? ORDER BY sequence",
        (Lane.EVENTS, last, to_us(datetime.now(UTC) - RECENT)),
    )
    for sequence, event_id, time_us in found:
        yield TalliedRow(sequence=sequence, id=event_id, at=from_us(time_us))
