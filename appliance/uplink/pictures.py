"""Hands evidence pictures over to the hub, each until the hub has stored and checked it."""

import asyncio
import logging
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial

from appliance.store import evidence
from appliance.store.database import Database
from appliance.store.pictures import PictureFolder
from federation.uplink.hub_files import LONGEST_HUB_PAUSE_S, LONGEST_PAUSE_S, Handover, HubFiles, pause_s

log = logging.getLogger(__name__)

AT_ONCE = 4
LOOK_EVERY_S = 1.0


async def send_pictures(
    database: Database, folder: PictureFolder, hub: HubFiles, *, handed_over: Callable[[], None]
) -> None:
    """Hand waiting pictures over until cancelled, the newest first, each until the hub has it.

    `handed_over` is called after the hub has taken some: their lane has grown.

    While the hub takes nothing at all, everything waits: a backlog is not tried picture by picture.
    """
    failures = 0
    while True:
        now = datetime.now(UTC)
        digests = await database.read(partial(evidence.due, now=now, limit=AT_ONCE))
        if not digests:
            await asyncio.sleep(LOOK_EVERY_S)
            continue
        outcomes = await asyncio.gather(*(_send(database, folder, hub, digest) for digest in digests))
        if Handover.TAKEN in outcomes:
            handed_over()
        failures = failures + 1 if Handover.LATER in outcomes else 0
        if failures:
            await asyncio.sleep(pause_s(failures, longest_s=LONGEST_HUB_PAUSE_S))


async def _send(database: Database, folder: PictureFolder, hub: HubFiles, digest: str) -> Handover:
    content = await asyncio.to_thread(folder.read, digest)
    if content is None:
        log.warning("picture %s is gone or damaged", digest[:19])
        await database.run(lambda db: evidence.lost(db, digest, datetime.now(UTC)))
        return Handover.TAKEN
    outcome = await hub.put_picture(digest, content)
    if outcome is Handover.TAKEN:
        await database.run(lambda db: evidence.handed_over(db, digest))
    elif outcome is Handover.REFUSED:
        failures = await database.read(lambda db: evidence.failures(db, digest))
        until = datetime.now(UTC) + timedelta(seconds=pause_s(failures + 1, longest_s=LONGEST_PAUSE_S))
        await database.run(lambda db: evidence.postpone(db, digest, until))
    return outcome
