"""How far the lanes have got, in a file beside the database: what a database that takes its place must know.

A box whose database is new, or comes from a backup, would give numbers a second time, and nobody would miss the rows
that went with the one before.
"""

import asyncio
import logging
import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from appliance.store import epochs
from appliance.store.database import Database
from appliance.store.moments import to_us
from federation.messages import Lane, PastEpoch
from federation.private_files import write_private

log = logging.getLogger(__name__)

KEEP_EVERY_S = 1.0
LARGEST_BYTES = 64 * 1024


class KeptLane(BaseModel):
    """One lane: its present epoch, which may be over, and those before, oldest first."""

    model_config = ConfigDict(frozen=True)

    present: PastEpoch
    past: tuple[PastEpoch, ...] = ()


class KeptLanes(BaseModel):
    """Every lane of the outbox."""

    model_config = ConfigDict(frozen=True)

    lanes: dict[Lane, KeptLane]


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
    )


class LaneMemory:
    """The file. `recall` comes before anything is added to the outbox; `run` keeps until cancelled."""

    def __init__(self, file: Path, database: Database) -> None:
        """Keep the lanes of `database` in `file`."""
        self._file = file
        self._database = database
        self._kept: KeptLanes | None = None

    async def recall(self) -> None:
        """Tell the database what was there before it; a file that cannot be read says nothing."""
        kept = await asyncio.to_thread(_read, self._file)
        at_us = to_us(datetime.now(UTC))
        await self._database.run(lambda db: tell(db, kept.lanes, at_us))
        await self.keep()

    async def run(self) -> None:
        """Keep what changes."""
        while True:
            await asyncio.sleep(KEEP_EVERY_S)
            await self.keep()

    async def keep(self) -> None:
        """Write the file if anything has changed; a full disk is tried again."""
        lanes = await self._database.read(found_lanes)
        if self._kept is not None:
            lanes = never_back(self._kept, lanes)
        if lanes == self._kept:
            return
        try:
            await asyncio.to_thread(write_private, self._file, lanes.model_dump_json())
        except OSError as error:
            log.debug("the memory of the lanes is not written now: %s", error)
            return
        self._kept = lanes


def never_back(kept: KeptLanes, found: KeptLanes) -> KeptLanes:
    """Return the lanes as found; what a hub had once it had, even if it was restored from a backup since."""
    return KeptLanes(
        lanes={
            lane: each.model_copy(update={"present": _further(each.present, kept.lanes[lane].present)})
            if each.present.epoch == kept.lanes[lane].present.epoch
            else each
            for lane, each in found.lanes.items()
        }
    )


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


def tell(db: sqlite3.Connection, kept: dict[Lane, KeptLane], at_us: int) -> None:
    """Tell a database what it does not know of the lanes that were `kept`."""
    for lane, found in found_lanes(db).lanes.items():
        if lane not in kept:
            continue
        told = recalled(kept[lane], found)
        if told.past != found.past:
            log.warning("lane %s had other epochs before this database: %s", lane, ", ".join(_names(told.past)))
            epochs.remember(db, lane, told.past)
        if told.given.produced > found.present.produced:
            log.warning(
                "lane %s had %d rows more than this database", lane, told.given.produced - found.present.produced
            )
            epochs.leave_out(db, lane, produced=told.given.produced, acknowledged=told.given.acknowledged, at_us=at_us)


def _names(past: Iterable[PastEpoch]) -> list[str]:
    return [f"{each.epoch} up to {each.produced}" for each in past]


def _read(file: Path) -> KeptLanes:
    try:
        with file.open("rb") as opened:
            return KeptLanes.model_validate_json(opened.read(LARGEST_BYTES))
    except FileNotFoundError:
        return KeptLanes(lanes={})
    except (OSError, ValidationError) as error:
        log.warning("the memory of the lanes cannot be read, and is begun anew: %s", error)
        return KeptLanes(lanes={})
