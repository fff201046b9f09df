"""Keeps a node's certificate fresh: it is renewed in time, and when the broker refuses it."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

from federation.identity.enrolment import renew
from federation.identity.errors import EnrolmentFailed, EnrolmentRefused
from federation.identity.member import Member
from federation.identity.renewal import Pace, due
from federation.uplink.link import Link

log = logging.getLogger(__name__)

LOOK_EVERY_S = 1.0
REFUSALS_BEFORE_RENEWAL = 3


async def keep_certificate_fresh(
    member: Member,
    link: Link,
    pace: Pace,
    *,
    renewed: Callable[[Member], Awaitable[None]],
    refused: Callable[[EnrolmentRefused], None],
) -> None:
    """Renew when it is time, and when the broker refuses the certificate, which says that our clock is wrong.

    Return once `renewed` was awaited with the next certificate; `refused` is called whenever the hub refuses one.
    """
    connections = link.connections
    while True:
        if link.connections > connections:
            connections = link.connections
            pace.let_in()
        wanted = due(member.identity, datetime.now(UTC)) or link.refusals >= REFUSALS_BEFORE_RENEWAL
        if wanted and pace.may_ask(time.monotonic()):
            pace.asked(time.monotonic())
            try:
                fresh = await renew(member, now=datetime.now(UTC))
            except EnrolmentFailed as error:
                if isinstance(error, EnrolmentRefused):
                    refused(error)
                log.warning("certificate not renewed: %s", error)
            else:
                log.info("certificate renewed; it counts until %s", fresh.certificate.not_after)
                await renewed(fresh)
                return
        await asyncio.sleep(LOOK_EVERY_S)
