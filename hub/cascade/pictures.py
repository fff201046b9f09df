"""Hands the pictures of events that went up over to the upper hub, each until that has stored and checked it."""

import asyncio
import logging
from collections.abc import Callable

from sqlalchemy import Connection, select, update

from federation.messages import Lane
from federation.uplink.hub_files import LONGEST_HUB_PAUSE_S, LONGEST_PAUSE_S, Handover, HubFiles, pause_s
from hub.cascade import outbox
from hub.cascade.tables import cascade_pictures
from hub.database import Database
from hub.database.moments import now_us
from hub.events.tables import pictures
from hub.storage import ContentStore

log = logging.getLogger(__name__)

AT_ONCE = 4
LOOK_EVERY_S = 1.0
MICROSECONDS = 1_000_000


async def send_pictures(
    database: Database, store: ContentStore, hub: HubFiles, *, handed_over: Callable[[], None]
) -> None:
    """Hand over until cancelled what has arrived here, the newest first; call `handed_over` when the lane has grown.

    While the upper hub takes nothing at all, everything waits.
    """
    failures = 0
    while True:
        digests = await database.run(_due)
        if not digests:
            await asyncio.sleep(LOOK_EVERY_S)
            continue
        outcomes = await asyncio.gather(*(_send(database, store, hub, digest) for digest in digests))
        if Handover.TAKEN in outcomes:
            handed_over()
        failures = failures + 1 if Handover.LATER in outcomes else 0
        if failures:
            await asyncio.sleep(pause_s(failures, longest_s=LONGEST_HUB_PAUSE_S))


async def _send(database: Database, store: ContentStore, hub: HubFiles, digest: str) -> Handover:
    stored = await store.find(digest)
    if stored is None:
        log.warning("picture %s is gone", digest[:19])
        await database.run(lambda connection: _postpone(connection, digest))
        return Handover.REFUSED
    outcome = await hub.put_picture(digest, await asyncio.to_thread(stored.path.read_bytes))
    if outcome is Handover.TAKEN:
        await database.run(lambda connection: _handed_over(connection, digest))
    elif outcome is Handover.REFUSED:
        await database.run(lambda connection: _postpone(connection, digest))
    return outcome


def _due(connection: Connection) -> list[str]:
    """Return pictures that are here and wait, the newest first."""
    found = (
        select(cascade_pictures.c.digest)
        .join(pictures, pictures.c.digest == cascade_pictures.c.digest)
        .where(cascade_pictures.c.sent == 0, cascade_pictures.c.due_us <= now_us())
        .order_by(cascade_pictures.c.noted_at_us.desc())
        .limit(AT_ONCE)
    )
    return list(connection.execute(found).scalars())


def _handed_over(connection: Connection, digest: str) -> None:
    own = cascade_pictures.c.digest == digest
    connection.execute(update(cascade_pictures).where(own).values(sent=1))
    outbox.append(connection, Lane.EVIDENCE, [digest])


def _postpone(connection: Connection, digest: str) -> None:
    own = cascade_pictures.c.digest == digest
    failures = int(connection.execute(select(cascade_pictures.c.failures).where(own)).scalar_one()) + 1
    due_us = now_us() + int(pause_s(failures, longest_s=LONGEST_PAUSE_S) * MICROSECONDS)
    connection.execute(update(cascade_pictures).where(own).values(failures=failures, due_us=due_us))
