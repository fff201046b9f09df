"""Results of picture tasks handed over by POST to the address that the order named, again until they are taken."""

import asyncio
import io
import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from urllib.parse import urlsplit

import aiohttp

from appliance.capture import reach
from appliance.panel.models.model import JobPlan, row_of, shown
from appliance.store import picture_jobs
from appliance.store.database import Database
from appliance.store.picture_jobs import StoredJob
from federation.http import Problem
from federation.viewing.pictures import CallbackState

AT_ONCE = 100
WITHIN_S = 10.0
PAUSES_S = (1.0, 5.0, 20.0, 60.0, 300.0)
ANSWER_LIMIT_BYTES = 64 << 10
LOOK_AGAIN_S = 600.0


class NotTaken(Exception):
    """An address has not taken results. `final`: it never will."""

    def __init__(self, reason: str, *, final: bool = False) -> None:
        """Describe why by a stable code and a sentence."""
        super().__init__(reason)
        self.final = final


@dataclass(kw_only=True)
class Callbacks:
    """Hands over the results of ended tasks; how far it is lies in the database. `news` wakes it."""

    database: Database
    to_this_box: bool
    news: asyncio.Event
    queue_waiting: Callable[[str], int]
    pauses_s: tuple[float, ...] = PAUSES_S

    async def run(self) -> None:
        """Hand over until cancelled."""
        opened = reach.checked_session(within_s=WITHIN_S, to_this_box=self.to_this_box, at_once=1)
        async with opened as session:
            while True:
                self.news.clear()
                job = await self.database.read(picture_jobs.next_callback)
                pause_s = _pause_s(job)
                if job is not None and pause_s <= 0:
                    await self._offer(session, job)
                    continue
                with suppress(TimeoutError):
                    async with asyncio.timeout(pause_s):
                        await self.news.wait()

    async def _offer(self, session: aiohttp.ClientSession, job: StoredJob) -> None:
        """Hand over the next results of a task, and note what became of that."""
        plan = JobPlan.model_validate_json(job.plan)
        after, limit = job.callback_sent, AT_ONCE
        found = await self.database.read(partial(picture_jobs.results, job_id=job.id, after=after, limit=limit))
        rows = [row_of(each).model_dump(mode="json") for each in found]
        body: dict[str, object] = {
            "job": shown(job, plan, self.queue_waiting(job.id)).model_dump(mode="json"),
            "items": rows,
        }
        try:
            key = f"{job.id}/{after}"
            await _post(session, plan.callback_url or "", body, key=key, to_this_box=self.to_this_box)
        except NotTaken as why:
            await self._note_failure(job, why)
            return
        upto = after + len(rows)
        await self.database.run(partial(picture_jobs.handed_over, job_id=job.id, upto=upto))
        if upto >= job.pictures:
            await self._close(job, CallbackState.DELIVERED, "")

    async def _note_failure(self, job: StoredJob, why: NotTaken) -> None:
        if why.final or job.callback_failures >= len(self.pauses_s):
            await self._close(job, CallbackState.FAILED, str(why))
            return
        due_at = datetime.now(UTC) + timedelta(seconds=self.pauses_s[job.callback_failures])
        await self.database.run(partial(picture_jobs.callback_failed, job_id=job.id, reason=str(why), due_at=due_at))

    async def _close(self, job: StoredJob, state: CallbackState, reason: str) -> None:
        await self.database.run(partial(picture_jobs.callback_ended, job_id=job.id, state=state, reason=reason))


async def refuse_forbidden(url: str, *, to_this_box: bool) -> None:
    """Raise Problem if an address leads to where no results go; one that cannot be resolved now is looked at later."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    resolver = reach.CheckedResolver(to_this_box=to_this_box)
    try:
        reach.check(host, to_this_box=to_this_box)
        await resolver.resolve(host, parts.port or 0)
    except reach.ForbiddenAddress as error:
        text = f"The box calls no such address: {error}. Name one of another machine."
        raise Problem(422, "forbidden_address", text) from error
    except (OSError, ValueError):
        return
    finally:
        await resolver.close()


async def _post(
    session: aiohttp.ClientSession, url: str, body: dict[str, object], *, key: str, to_this_box: bool
) -> None:
    """Post results; no redirect is followed. Raise NotTaken."""
    headers = {"Content-Type": "application/json", "Idempotency-Key": key}
    try:
        reach.check(urlsplit(url).hostname or "", to_this_box=to_this_box)
        content = io.BytesIO(json.dumps(body, ensure_ascii=False).encode())
        async with session.post(url, data=content, headers=headers, allow_redirects=False) as answer:
            await answer.content.read(ANSWER_LIMIT_BYTES)
            status = answer.status
    except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
        forbidden = reach.forbidden_in(error)
        if forbidden is not None:
            raise NotTaken(f"forbidden_address: {forbidden}", final=True) from error
        raise NotTaken(f"unreachable: the receiver cannot be reached: {type(error).__name__}") from error
    if 300 <= status < 400:
        raise NotTaken(f"redirected: the receiver answers {status}; name the address it leads to", final=True)
    if status >= 400:
        raise NotTaken(f"refused: the receiver answers {status}")


def _pause_s(job: StoredJob | None) -> float:
    """Return how long to wait; a clock that was set back keeps nothing waiting for longer than `LOOK_AGAIN_S`."""
    if job is None or job.callback_due_at is None:
        return LOOK_AGAIN_S
    left_s = (job.callback_due_at - datetime.now(UTC)).total_seconds()
    return left_s if left_s <= LOOK_AGAIN_S else 0.0
