"""What a box keeps of its lanes outside the database, and what that says to a database that takes the place of it."""

import logging
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict

from appliance.store import epochs
from federation.messages import Lane, PastEpoch

log = logging.getLogger(__name__)

LEAST_AHEAD = 64  # numbers; a lane that is in a hurry has twice as many ahead as it gave since the last time


class KeptLane(BaseModel):
    """One lane: its present epoch, which may be over, and those before, oldest first.

    Numbers of the present one behind `produced` and up to `reserved` may have been given since this was written.
    """

    model_config = ConfigDict(frozen=True)

    present: PastEpoch
    past: tuple[PastEpoch, ...] = ()


class KeptLanes(BaseModel):
    """Every lane of the outbox; `closed` tells that nothing was given after this was written."""

    model_config = ConfigDict(frozen=True)

    lanes: dict[Lane, KeptLane]
    closed: bool = False


@dataclass(frozen=True, kw_only=True)
class Recalled:
    """What a database learns of the lane that was there before: epochs that are over, and what its own epoch gave."""

    past: tuple[PastEpoch, ...]
    given: PastEpoch


def recalled(kept: KeptLane, found: KeptLane) -> Recalled:
    """Compare what the file `kept` with what is `found` in the database; what either knows holds."""
    known: dict[str, PastEpoch] = {}
    for each in (*kept.past, kept.present, *found.past):
        known[each.epoch] = _further(known.get(each.epoch, each), each)
    given = _further(known.pop(found.present.epoch, found.present), found.present)
    return Recalled(past=tuple(known.values()), given=given)


def _further(one: PastEpoch, other: PastEpoch) -> PastEpoch:
    return PastEpoch(
        epoch=one.epoch,
        produced=max(one.produced, other.produced),
        acknowledged=max(one.acknowledged, other.acknowledged),
        reserved=max(one.reserved, other.reserved),
    )


Given = Mapping[Lane, tuple[str, int]]
"""Epoch and highest number of each lane."""


def kept_anew(kept: KeptLanes, found: KeptLanes, attempted: Given, *, closed: bool = False) -> KeptLanes:
    """Return the lanes as they are `found`, to be kept now; nothing that was `kept` of their epochs goes back.

    A lane that gave nothing since the last time, and for which no more was `attempted` than is found, needs no numbers
    ahead; nor does any lane of a database that is `closed`.
    """
    lanes = {}
    for lane, each in found.lanes.items():
        before = _of_epoch(kept, lane, each.present.epoch) or each.present
        further = _further(before, each.present)
        epoch, highest = attempted.get(lane, ("", 0))
        quiet = further.produced == before.produced and not (epoch == further.epoch and highest > further.produced)
        reserved = further.produced if closed or quiet else max(further.produced, further.reserved)
        lanes[lane] = each.model_copy(update={"present": further.model_copy(update={"reserved": reserved})})
    return KeptLanes(lanes=lanes, closed=closed)


def has_room(kept: KeptLanes, given: Given) -> bool:
    """Tell whether every number that is about to be `given` is named by what is kept."""
    for lane, (epoch, produced) in given.items():
        before = _of_epoch(kept, lane, epoch)
        if before is None or produced > max(before.produced, before.reserved):
            return False
    return True


def with_room(kept: KeptLanes, given: KeptLanes) -> KeptLanes:
    """Return what is kept with room for the numbers that are about to be `given`, and for as many again."""
    lanes = {}
    for lane, each in given.lanes.items():
        before = _of_epoch(kept, lane, each.present.epoch) or each.present
        produced = each.present.produced
        ahead = max(LEAST_AHEAD, 2 * (produced - before.produced))
        present = before.model_copy(update={"reserved": max(before.reserved, produced + ahead)})
        lanes[lane] = each.model_copy(update={"present": present})
    return KeptLanes(lanes=lanes)


def _of_epoch(kept: KeptLanes, lane: Lane, epoch: str) -> PastEpoch | None:
    found = kept.lanes.get(lane)
    return found.present if found is not None and found.present.epoch == epoch else None


def found_lanes(db: sqlite3.Connection) -> KeptLanes:
    """Return the lanes of a database."""
    rows = db.execute("SELECT lane, epoch, produced, acknowledged FROM lanes").fetchall()
    return KeptLanes(
        lanes={
            Lane(lane): KeptLane(
                present=PastEpoch(epoch=epoch, produced=produced, acknowledged=acknowledged),
                past=epochs.past(db, Lane(lane)),
            )
            for lane, epoch, produced, acknowledged in rows
        }
    )


def tell(db: sqlite3.Connection, kept: dict[Lane, KeptLane], at_us: int, *, log_gone: bool = False) -> None:
    """Tell a database what it does not know of the lanes that were `kept`.

    One that has at least the numbers which the file is certain of is the one that was there, and knows better what it
    gave since, unless its log is gone.
    """
    for lane, found in found_lanes(db).lanes.items():
        if lane not in kept:
            continue
        told = recalled(kept[lane], found)
        if told.past != found.past:
            names = ", ".join(f"{each.epoch} up to {each.produced}" for each in told.past)
            log.warning("lane %s had other epochs before this database: %s", lane, names)
            epochs.remember(db, lane, told.past)
        behind = told.given.produced > found.present.produced
        if behind or (log_gone and told.given.reserved > found.present.produced):
            more = max(told.given.produced, told.given.reserved) - found.present.produced
            log.warning("lane %s had up to %d rows more than this database", lane, more)
            epochs.leave_out(db, lane, told.given, at_us)
