"""What the API of snapshots does."""

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

from appliance.capture import deliveries, index, model
from appliance.capture.desk import Desk
from appliance.capture.index import Filter, QueueFull, Snapshot
from appliance.capture.order import NotTaken, Order, Origin
from appliance.errors import ProcessAway
from federation.http import Page, Problem
from federation.http.problem import invalid, not_found
from federation.messages import CameraSpec, new_id


@dataclass(frozen=True, kw_only=True)
class Snapshots:
    """Decisions over the desk; `camera` returns a camera of this box, None for any other point."""

    desk: Desk
    camera: Callable[[str], CameraSpec | None]

    async def take(self, draft: model.SnapshotDraft) -> model.SnapshotRow:
        """Take a picture now."""
        order = self._order(draft, Origin.SYNC, "body.point_id")
        try:
            with ready():
                found = await self.desk.take(order)
        except NotTaken as why:
            raise _no_picture(why) from why
        if found.state == "failed":
            raise _no_picture(NotTaken.because(found.reason))
        return row(found)

    async def ask(self, drafts: model.SnapshotDrafts) -> Page[model.SnapshotRow]:
        """Note orders that are carried out later."""
        orders = [
            self._order(draft, Origin.ASYNC, f"body.orders.{place}.point_id")
            for place, draft in enumerate(drafts.orders)
        ]
        try:
            with ready():
                found = await self.desk.ask(orders)
        except QueueFull as error:
            detail = f"{index.MOST_WAITING} snapshots wait already; ask again when some are done."
            raise Problem(503, "queue_full", detail) from error
        return Page(items=tuple(row(each) for each in found))

    async def list(self, query: model.SnapshotQuery) -> Page[model.SnapshotRow]:
        """Return snapshots, the newest first."""
        before = None if query.after is None else int(query.after)
        wanted = Filter(point_id=query.point_id, plan_id=query.plan_id, state=query.state)
        with ready():
            found = await self.desk.shelf.database.read(
                lambda db: index.newest(db, wanted, before=before, limit=query.limit + 1)
            )
        shown = found[: query.limit]
        following = str(shown[-1].number) if len(found) > query.limit else None
        return Page(items=tuple(row(each) for each in shown), next=following)

    async def find(self, snapshot_id: str) -> model.SnapshotRow:
        """Return one snapshot."""
        return row(await self._found(snapshot_id))

    async def picture(self, snapshot_id: str) -> bytes:
        """Return the picture of a snapshot, JPEG."""
        digest = (await self._found(snapshot_id)).digest
        content = None if digest is None else await asyncio.to_thread(self.desk.shelf.pictures.read, digest)
        if content is None:
            raise not_found("picture of the snapshot", snapshot_id)
        return content

    async def figures(self) -> model.SnapshotFigures:
        """Return how snapshots go."""
        with ready():
            dispatcher = self.desk.dispatcher
            pictures, pictures_bytes = await dispatcher.shelf.database.read(index.held)
            waiting_later = await dispatcher.shelf.database.read(index.waiting)
            undelivered = await dispatcher.shelf.database.read(deliveries.waiting)
        pace = dispatcher.figures.pace(time.monotonic())
        return model.SnapshotFigures(
            taken_per_minute=pace.taken_per_minute,
            failed_per_minute=pace.failed_per_minute,
            p50_s=pace.p50_s,
            p95_s=pace.p95_s,
            running=dispatcher.running,
            waiting=dispatcher.lanes.waiting(),
            waiting_later=waiting_later,
            dropped=dict(dispatcher.lanes.dropped),
            undelivered=undelivered,
            pictures=pictures,
            pictures_bytes=pictures_bytes,
            most_bytes=self.desk.settings.capture.most_bytes,
            paused=dispatcher.shelf.paused,
        )

    async def _found(self, snapshot_id: str) -> Snapshot:
        with ready():
            found = await self.desk.shelf.database.read(lambda db: index.find(db, snapshot_id))
        if found is None:
            raise not_found("snapshot", snapshot_id)
        return found

    def _order(self, draft: model.SnapshotDraft, origin: Origin, place: str) -> Order:
        if self.camera(draft.point_id) is None:
            raise invalid(place, f"there is no camera {draft.point_id!r} on this box")
        return Order(
            id=new_id(),
            point_id=draft.point_id,
            want=draft.want,
            origin=origin,
            asked_at=datetime.now(UTC),
            fresh_s=draft.fresh_s,
            within_s=draft.within_s,
        )


def row(found: Snapshot) -> model.SnapshotRow:
    """Return a snapshot as the API shows it."""
    return model.SnapshotRow(
        id=found.id,
        point_id=found.point_id,
        plan_id=found.plan_id,
        origin=found.origin,
        aim=found.want.aim,
        region=found.want.region,
        state=found.state,
        attempts=found.attempts,
        reason=found.reason,
        asked_at=found.asked_at,
        taken_at=found.taken_at,
        settled_at=found.settled_at,
        picture_url=None if found.digest is None else f"/api/v1/snapshots/{found.id}/picture.jpg",
        digest=found.digest,
        size_bytes=found.size_bytes,
        width_px=found.width_px,
        height_px=found.height_px,
        delivery=found.delivery,
        delivery_reason=found.delivery_reason,
        analysis=found.analysis,
        analysis_task=found.analysis_task,
        analysis_reason=found.analysis_reason,
    )


def _no_picture(why: NotTaken) -> Problem:
    status = 422 if why.code == "unknown_preset" else 503
    return Problem(status, why.code, f"No picture: {why}.")


@contextmanager
def ready() -> Iterator[None]:
    """Turn an index that cannot be used now into a problem."""
    try:
        yield
    except ProcessAway as error:
        raise Problem(503, error.code, f"{error}.") from error
