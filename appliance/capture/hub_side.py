"""Snapshots that the hub plans: its plans are followed here, and it learns what became of each order."""

import asyncio
import sqlite3
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from appliance.capture import owed
from appliance.capture.index import Snapshot
from appliance.capture.planner import Planner
from appliance.capture.shelf import Shelf
from appliance.store import outbox, results, returns
from appliance.store.database import Database
from appliance.store.exports import Policy
from federation.messages import (
    SNAPSHOT_GONE_RESULT,
    SNAPSHOT_RESULT,
    CapturePlan,
    Lane,
    Result,
    ResultData,
    SnapshotGone,
    SnapshotTold,
    new_id,
)
from federation.uplink.changes import Changes
from federation.uplink.hub_files import LONGEST_PAUSE_S, pause_s

LOOK_EVERY_S = 0.5
LONGEST_WAIT_S = 60.0
TOLD_AT_ONCE = 100


@dataclass(frozen=True, kw_only=True)
class HubSide:
    """What the hub wants of snapshots: its `plans`, which are looked at when `changes` grow.

    `tell` returns once nothing can lose the words on snapshots; it may get the same one twice. They become results in
    `record`, the box's own database, which knows when the hub has lost some.
    """

    plans: Callable[[], tuple[CapturePlan, ...]]
    changes: Changes
    tell: Callable[[Sequence[Result]], Awaitable[None]]
    record: Database

    async def follow(self, planner: Planner) -> None:
        """Let `planner` follow the hub's plans, until cancelled."""
        followed: tuple[CapturePlan, ...] | None = None
        while True:
            seen, plans = self.changes.count, self.plans()
            if plans is not followed:
                await planner.adopt_of_hub(plans)
                followed = plans
            await self.changes.beyond(seen, within_s=LONGEST_WAIT_S)

    async def tell_forever(self, shelf: Shelf) -> None:
        """Tell the hub of every settled snapshot of its plans, and of pictures that are gone, until cancelled."""
        while True:
            await self._send_again(shelf)
            words, gone = await self._tell_words(shelf), await self._tell_gone(shelf)
            if not words and not gone:
                await asyncio.sleep(LOOK_EVERY_S)

    async def _tell_words(self, shelf: Shelf) -> int:
        found = await shelf.database.read(lambda db: owed.words(db, limit=TOLD_AT_ONCE))
        if found:
            await self.tell([word_on(snapshot) for snapshot in found])
            await shelf.database.run(lambda db: owed.told(db, found))
        return len(found)

    async def _tell_gone(self, shelf: Shelf) -> int:
        found = await shelf.database.read(lambda db: owed.gone(db, limit=TOLD_AT_ONCE))
        if found:
            await self.tell([word_on_gone(snapshot_id, reason) for snapshot_id, reason in found.items()])
            await shelf.database.run(lambda db: owed.gone_told(db, list(found)))
        return len(found)

    async def _send_again(self, shelf: Shelf) -> None:
        """Let pictures go to a hub that was restored from a backup of before they came, or to another hub.

        It gets the words on them again. Of those whose pictures are not here any more it is told that they are gone.
        """
        back = await self.record.read(lambda db: returns.unsettled(db, Lane.RESULTS))
        if back is None:
            return
        await shelf.database.run(owed.forget_exports)
        while await shelf.database.run(lambda db: owed.send_again_behind(db, back.upto)):
            pass
        after = back.upto
        while rows := await self.record.read(
            lambda db: results.with_pictures(db, SNAPSHOT_RESULT, after, limit=owed.STEP)  # noqa: B023 - it is awaited
        ):
            after = rows[-1][0]
            ids = [snapshot_id for _, snapshot_id in rows]
            await shelf.database.run(lambda db: owed.note_removed(db, ids))  # noqa: B023 - so is this
        await self.record.run(lambda db: returns.settle(db, Lane.RESULTS, back))


def word_on(snapshot: Snapshot) -> Result:
    """Return what the hub is told of a settled snapshot."""
    told = SnapshotTold(
        plan_id=snapshot.plan_id,
        point_id=snapshot.point_id,
        aim=snapshot.want.aim,
        asked_at=snapshot.asked_at,
        taken_at=snapshot.taken_at,
        reason=snapshot.reason,
        digest=snapshot.digest,
        size_bytes=snapshot.size_bytes,
        width_px=snapshot.width_px,
        height_px=snapshot.height_px,
    )
    return Result(
        id=snapshot.id,
        source="box",
        type=SNAPSHOT_RESULT,
        time=snapshot.settled_at or snapshot.asked_at,
        data=ResultData(
            actor_kind="appliance",
            actor="appliance",
            subject=f"camera:{snapshot.point_id}",
            succeeded=snapshot.state == "done",
            detail=told.model_dump(mode="json"),
        ),
    )


def word_on_gone(snapshot_id: str, reason: str) -> Result:
    """Return what the hub is told of a snapshot whose picture it will never get."""
    return Result(
        id=new_id(),
        source="box",
        type=SNAPSHOT_GONE_RESULT,
        time=datetime.now(UTC),
        data=ResultData(
            actor_kind="appliance",
            actor="appliance",
            subject=f"snapshot:{snapshot_id}",
            detail=SnapshotGone(snapshot_id=snapshot_id, reason=reason).model_dump(mode="json"),
        ),
    )


@dataclass(kw_only=True)
class OwedPictures:
    """Goes to the hub by network (`WaitingPictures`) and by files; `shelf` returns None while it cannot be used.

    `record` is the box's own database: each picture notes how far its results were when the hub took it.
    """

    shelf: Callable[[], Shelf | None]
    record: Database
    _failures: dict[str, int] = field(default_factory=dict)
    _resting: dict[str, float] = field(default_factory=dict)

    async def due(self, limit: int) -> list[str]:
        """Return the digests of pictures that are to be handed over now, the newest first."""
        shelf, now_s = self.shelf(), time.monotonic()
        self._resting = {digest: until_s for digest, until_s in self._resting.items() if until_s > now_s}
        without = frozenset(self._resting)
        if shelf is None:
            return []
        return await shelf.database.read(lambda db: owed.pictures(db, without=without, limit=limit))

    async def read(self, digest: str) -> bytes | None:
        """Return a picture, None if it is gone or damaged."""
        shelf = self.shelf()
        return None if shelf is None else await asyncio.to_thread(shelf.pictures.read, digest)

    async def handed_over(self, digest: str) -> None:
        """Note that the hub has it."""
        self._failures.pop(digest, None)
        await self.stored([digest])

    async def refused(self, digest: str) -> None:
        """Let it wait, the longer the oftener it was refused."""
        self._failures[digest] = self._failures.get(digest, 0) + 1
        self._resting[digest] = time.monotonic() + pause_s(self._failures[digest], longest_s=LONGEST_PAUSE_S)

    async def lost(self, digest: str) -> None:
        """Note that it is gone."""
        self._failures.pop(digest, None)
        await self._note(lambda db: owed.lost(db, digest))

    async def wanted(self, now_us: int, limit: int) -> list[tuple[str, int]]:
        """Return digests and sizes of pictures to put into files, what is most urgent first."""
        shelf = self.shelf()
        return [] if shelf is None else await shelf.database.read(lambda db: owed.wanted(db, now_us, limit))

    async def exported(self, digests: Sequence[str], policy: Policy, now_us: int) -> None:
        """Note that pictures went into a file."""
        await self._note(lambda db: owed.exported(db, digests, policy, now_us))

    async def stored(self, digests: Sequence[str]) -> None:
        """Note that the hub has pictures."""
        state = await self.record.read(lambda db: outbox.state_of(db, Lane.RESULTS))
        await self._note(lambda db: owed.handed_over(db, digests, state.produced))

    async def requested(self, digests: Sequence[str]) -> int:
        """Let pictures that the hub lacks go to it again; return how many of them are here."""
        shelf = self.shelf()
        return 0 if shelf is None else await shelf.database.run(lambda db: owed.requested(db, digests))

    async def forget_exports(self) -> None:
        """Let all that the hub is owed go into files as if it never had."""
        await self._note(owed.forget_exports)

    async def _note(self, work: Callable[[sqlite3.Connection], None]) -> None:
        shelf = self.shelf()
        if shelf is not None:
            await shelf.database.run(work)
