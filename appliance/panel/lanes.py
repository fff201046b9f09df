"""The way of this box to the hub, as the box itself sees it: lane by lane, what waits and what is missing."""

import json
import sqlite3
import time
from datetime import datetime

from appliance.panel.model import LaneGap, LaneWay
from appliance.store import outbox
from appliance.store.moments import from_us
from federation.messages import Lane
from federation.uplink.lane_sender import LaneSender

GAPS_SHOWN = 20


def lane_way(db: sqlite3.Connection, lane: Lane, sender: LaneSender | None) -> LaneWay:
    """Return how far a lane is; `sender` is the one of the present link, None without a link."""
    state = outbox.state_of(db, lane)
    known = sender.sender if sender is not None and sender.sender.epoch == state.epoch else None
    acknowledged = max(state.acknowledged, known.acknowledged if known is not None else 0)
    heard_at_s = sender.acknowledged_at if sender is not None else None
    return LaneWay(
        lane=lane,
        epoch=state.epoch,
        produced=state.produced,
        acknowledged=acknowledged,
        backlog=state.produced - acknowledged,
        given_up=state.given_up,
        oldest_waiting_at=_time_of(outbox.oldest_beyond(db, lane, acknowledged)),
        credit=known.credit if known is not None else 0,
        last_ack_age_s=None if heard_at_s is None else round(time.monotonic() - heard_at_s, 1),
        gaps=tuple(
            LaneGap(first=grave.first, last=grave.last, reason=grave.reason, at=from_us(grave.at_us))
            for grave in outbox.newest_graves(db, lane, GAPS_SHOWN)
        ),
    )


def _time_of(row: str | None) -> datetime | None:
    """Return when what a row says happened; None for a row that does not say so."""
    time_said = json.loads(row).get("time") if row is not None else None
    return datetime.fromisoformat(time_said) if time_said is not None else None
