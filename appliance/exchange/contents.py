"""What goes into the next parcel, and the items that say it."""

import sqlite3

from appliance.store import epochs, exports, outbox, parcels
from appliance.store.batches import next_batch
from appliance.store.exports import Policy
from appliance.store.parcels import Content, Drawn
from federation.custody.ranges import Span
from federation.exchange import Item
from federation.messages import BATCH_ROWS, Hello, Lane

BATCHES_AT_MOST = 2000  # of one parcel, so that hellos and state find room below the limit of its items


def draw_messages(
    db: sqlite3.Connection, *, stream: str, node_id: str, policy: Policy, room_bytes: int, now_us: int, state: bool
) -> Drawn | None:
    """Draw the next parcel of rows, with at most `room_bytes` of them but one batch; None if nothing is due."""
    spans: list[tuple[Lane, str, int, int]] = []
    batches = 0
    for lane in Lane:
        while room_bytes > 0 and batches < BATCHES_AT_MOST and (span := exports.wanted(db, lane, now_us)) is not None:
            items, last = batches_of(db, node_id, lane, span, room_bytes)
            if not items:
                outbox.bury_missing(db, lane, span[0], now_us)
                continue
            batches += len(items)
            room_bytes -= sum(len(item.body) for item in items)
            exports.exported(db, lane, (span[0], last), policy, now_us)
            spans.append((lane, outbox.state_of(db, lane).epoch, span[0], last))
    if not spans and not state:
        return None
    return parcels.draw(db, stream, Content(spans=tuple(spans), state=state), now_us)


def batches_of(db: sqlite3.Connection, node_id: str, lane: Lane, span: Span, room_bytes: int) -> tuple[list[Item], int]:
    """Return the batches of a span, at most `room_bytes` but one, and the number where they end.

    They end before a row that is gone though nobody gave it up.
    """
    first, last = span
    items: list[Item] = []
    while first <= last and room_bytes > 0 and len(items) < BATCHES_AT_MOST:
        said = next_batch(db, node_id, lane, first, min(BATCH_ROWS, last - first + 1))
        if said is None:
            break
        items.append(Item(f"u/b/{lane}", said.payload))
        room_bytes -= len(said.payload)
        first = said.last + 1
    return items, first - 1


def hellos(db: sqlite3.Connection, node_id: str) -> list[Item]:
    """Return what the outbox holds, lane by lane."""
    items = []
    for lane, state in outbox.states(db).items():
        hello = Hello(
            node_id=node_id,
            epoch=state.epoch,
            lane=lane,
            base=state.base,
            next=state.produced + 1,
            acknowledged=state.acknowledged,
            past=epochs.past(db, lane),
        )
        items.append(Item("u/hello", hello.to_bytes()))
    return items


def rows_of(db: sqlite3.Connection, node_id: str, content: Content) -> list[Item]:
    """Return hellos and batches of a parcel that was drawn, as far as they are still held in the same epoch."""
    items = hellos(db, node_id)
    epochs = {lane: state.epoch for lane, state in outbox.states(db).items()}
    for lane, epoch, first, last in content.spans:
        if epochs[lane] == epoch:
            found, _ = batches_of(db, node_id, lane, (first, last), 2**40)
            items += found
    return items
