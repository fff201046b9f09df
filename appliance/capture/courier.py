"""Takes pictures on to the HTTP services that their plans name (抓图推送), each until the service has it."""

import asyncio
import base64
import contextlib
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from urllib.parse import quote, urlsplit

import aiohttp

from appliance.capture import deliveries, reach
from appliance.capture.index import Snapshot
from appliance.store.database import Database
from appliance.store.pictures import PictureFolder
from federation.messages import CaptureTarget

AT_ONCE = 16
AT_ONE_SERVICE = 4
LOOK_EVERY_S = 1.0
WITHIN_S = 30.0
LONGEST_PAUSE_S = 600.0
LONGEST = timedelta(hours=24)
ANSWER_LIMIT_BYTES = 64 << 10
ABOUT_THE_PICTURE = frozenset({400, 409, 410, 413, 415, 422})
"""Statuses that will be the same next time; others, such as 401 and 404, end when somebody mends the settings."""


class NotDelivered(Exception):
    """A service has not taken a picture. `final`: it will not take it next time either."""

    def __init__(self, code: str, detail: str, *, final: bool = False) -> None:
        """Describe why by a stable `code` and a sentence."""
        super().__init__(f"{code}: {detail}")
        self.final = final


@dataclass(kw_only=True)
class Courier:
    """`target` returns where the pictures of a plan go, None for nowhere (any more).

    A service that takes nothing rests for a while with all that waits for it, and one that is slow has a share of its
    own: others need not wait for them.
    """

    database: Database
    pictures: PictureFolder
    target: Callable[[str], CaptureTarget | None]
    to_this_box: bool
    first_pause_s: float = 5.0
    within_s: float = WITHIN_S
    _running: dict[str, str] = field(default_factory=dict)
    _resting: dict[str, float] = field(default_factory=dict)
    _failures: dict[str, int] = field(default_factory=dict)
    _ended: asyncio.Event = field(default_factory=asyncio.Event)

    async def run(self) -> None:
        """Deliver until cancelled."""
        session_of_all = reach.checked_session(within_s=self.within_s, to_this_box=self.to_this_box, at_once=AT_ONCE)
        async with session_of_all as session, asyncio.TaskGroup() as group:
            while True:
                self._ended.clear()
                for snapshot in await self._next():
                    self._running[snapshot.id] = snapshot.plan_id
                    group.create_task(self._deliver(session, snapshot), name=f"delivery of {snapshot.id}")
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(LOOK_EVERY_S):
                        await self._ended.wait()

    async def _next(self) -> list[Snapshot]:
        """Return what may be delivered now, besides what is under way."""
        now_s, now = time.monotonic(), datetime.now(UTC)
        self._resting = {plan: until_s for plan, until_s in self._resting.items() if until_s > now_s}
        under_way = Counter(self._running.values())
        without = {*self._resting, *(plan for plan, count in under_way.items() if count >= AT_ONE_SERVICE)}
        found = await self.database.read(lambda db: deliveries.due(db, now, without=without, limit=2 * AT_ONCE))
        chosen: list[Snapshot] = []
        for snapshot in found:
            has_room = len(self._running) + len(chosen) < AT_ONCE and under_way[snapshot.plan_id] < AT_ONE_SERVICE
            if snapshot.id not in self._running and has_room:
                chosen.append(snapshot)
                under_way[snapshot.plan_id] += 1
        return chosen

    async def _deliver(self, session: aiohttp.ClientSession, snapshot: Snapshot) -> None:
        try:
            await self._hand_over(session, snapshot)
        except NotDelivered as why:
            await self._not_delivered(snapshot, why)
        else:
            self._failures.pop(snapshot.plan_id, None)
            await self.database.run(lambda db: deliveries.delivered(db, snapshot))
        finally:
            del self._running[snapshot.id]
            self._ended.set()

    async def _hand_over(self, session: aiohttp.ClientSession, snapshot: Snapshot) -> None:
        """Give a service one picture; raise NotDelivered."""
        target, digest = self.target(snapshot.plan_id), snapshot.digest
        if target is None:
            raise NotDelivered("no_target", "its plan names no service any more", final=True)
        content = None if digest is None else await asyncio.to_thread(self.pictures.read, digest)
        if content is None or digest is None:
            raise NotDelivered("no_picture", "the picture was removed before it could be delivered", final=True)
        url, headers = address_of(target, snapshot), headers_of(target, snapshot, digest)
        try:
            reach.check(urlsplit(url).hostname or "", to_this_box=self.to_this_box)
            async with session.request(
                target.method, url, data=content, headers=headers, allow_redirects=False
            ) as answer:
                await answer.content.read(ANSWER_LIMIT_BYTES)
                status = answer.status
        except reach.ForbiddenAddress as error:
            raise NotDelivered("forbidden_address", str(error), final=True) from error
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise _unreachable(error, self.within_s) from error
        judge(status)

    async def _not_delivered(self, snapshot: Snapshot, why: NotDelivered) -> None:
        now = datetime.now(UTC)
        if why.final:
            await self.database.run(lambda db: deliveries.give_up(db, snapshot, str(why)))
        elif deliveries.is_too_old(snapshot, now, LONGEST):
            reason = f"given_up: not taken within {LONGEST.total_seconds() / 3600:g} hours; the last time {why}"
            await self.database.run(lambda db: deliveries.give_up(db, snapshot, reason))
        else:
            self._failures[snapshot.plan_id] = self._failures.get(snapshot.plan_id, 0) + 1
            rest_s = pause_s(self._failures[snapshot.plan_id], self.first_pause_s)
            self._resting[snapshot.plan_id] = time.monotonic() + rest_s
            own_s = pause_s(snapshot.delivery_attempts + 1, self.first_pause_s)
            until = now + timedelta(seconds=max(rest_s, own_s))
            await self.database.run(lambda db: deliveries.postpone(db, snapshot, str(why), until))


def address_of(target: CaptureTarget, snapshot: Snapshot) -> str:
    """Return the address for one picture."""
    return target.url.replace("{point}", quote(snapshot.point_id, safe="")).replace("{snapshot}", snapshot.id)


def headers_of(target: CaptureTarget, snapshot: Snapshot, digest: str) -> Mapping[str, str]:
    """Return what a service is told beside the picture; its digest as RFC 9530 has it."""
    told = {
        "Content-Type": "image/jpeg",
        "Content-Digest": f"sha-256=:{base64.b64encode(bytes.fromhex(digest.removeprefix('sha256:'))).decode()}:",
        "Idempotency-Key": snapshot.id,
        "Fengsui-Snapshot": snapshot.id,
        "Fengsui-Point": snapshot.point_id,
        "Fengsui-Plan": snapshot.plan_id,
    }
    if snapshot.taken_at is not None:
        told["Fengsui-Taken-At"] = snapshot.taken_at.isoformat()
    if target.token:
        told["Authorization"] = f"Bearer {target.token}"
    return told


def judge(status: int) -> None:
    """Raise NotDelivered unless an answer of this status says that the picture was taken."""
    if 200 <= status < 300:
        return
    if 300 <= status < 400:
        raise NotDelivered("redirected", f"the service answers {status}; enter the address it leads to", final=True)
    code = "refused" if 400 <= status < 500 else "service_failed"
    raise NotDelivered(code, f"the service answers {status}", final=status in ABOUT_THE_PICTURE)


def pause_s(failures: int, first_s: float) -> float:
    """Return the pause after so many failures in a row, in seconds."""
    return min(LONGEST_PAUSE_S, first_s * 2.0 ** min(failures - 1, 16))


def _unreachable(error: Exception, within_s: float) -> NotDelivered:
    if (forbidden := reach.forbidden_in(error)) is not None:
        return NotDelivered("forbidden_address", str(forbidden), final=True)
    if isinstance(error, TimeoutError):
        return NotDelivered("no_answer", f"the service has not answered within {within_s:g} s")
    return NotDelivered("unreachable", str(error) or type(error).__name__)
