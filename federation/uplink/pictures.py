"""Hands evidence pictures over to the hub, each until the hub has stored and checked it."""

import asyncio
import logging
from collections.abc import Callable
from typing import Protocol

from federation.uplink.hub_files import LONGEST_HUB_PAUSE_S, Handover, HubFiles, pause_s

log = logging.getLogger(__name__)

AT_ONCE = 4
LOOK_EVERY_S = 1.0


class WaitingPictures(Protocol):
    """The pictures of one node that its hub has not got."""

    async def due(self, limit: int) -> list[str]:
        """Return the digests of pictures that are to be handed over now, the newest first."""

    async def read(self, digest: str) -> bytes | None:
        """Return a picture, None if it is gone or damaged."""

    async def handed_over(self, digest: str) -> None:
        """Note that the hub has it: a row of the lane of evidence says so."""

    async def refused(self, digest: str) -> None:
        """Note that the hub refuses it: it waits, the longer the oftener."""

    async def lost(self, digest: str) -> None:
        """Note that nobody has it any more."""


async def send_pictures(waiting: WaitingPictures, hub: HubFiles, *, handed_over: Callable[[], None]) -> None:
    """Hand waiting pictures over until cancelled; `handed_over` is called when their lane has grown.

    While the hub takes nothing at all, everything waits: a backlog is not tried picture by picture.
    """
    failures = 0
    while True:
        digests = await waiting.due(AT_ONCE)
        if not digests:
            await asyncio.sleep(LOOK_EVERY_S)
            continue
        outcomes = await asyncio.gather(*(_send(waiting, hub, digest) for digest in digests))
        if Handover.TAKEN in outcomes:
            handed_over()
        failures = failures + 1 if Handover.LATER in outcomes else 0
        if failures:
            await asyncio.sleep(pause_s(failures, longest_s=LONGEST_HUB_PAUSE_S))


async def _send(waiting: WaitingPictures, hub: HubFiles, digest: str) -> Handover:
    content = await waiting.read(digest)
    if content is None:
        log.warning("picture %s is gone or damaged", digest[:19])
        await waiting.lost(digest)
        return Handover.TAKEN
    outcome = await hub.put_picture(digest, content)
    if outcome is Handover.TAKEN:
        await waiting.handed_over(digest)
    elif outcome is Handover.REFUSED:
        await waiting.refused(digest)
    return outcome
