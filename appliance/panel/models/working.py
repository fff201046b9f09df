"""The worker of picture tasks: one after the other, picture by picture, from where the box left off."""

import asyncio
import json
import logging
import sqlite3
from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import aiohttp

from appliance.capture import reach
from appliance.panel.models.fetching import WITHIN_S, NotFetched, fetch, name_of
from appliance.panel.models.footage import FootageFolder, read_picture
from appliance.panel.models.kept import KeptPictures
from appliance.panel.models.looking import Looker
from appliance.panel.models.model import JobPlan, row_of, shown
from appliance.panel.models.results_queue import ResultsQueue
from appliance.store import picture_jobs
from appliance.store.database import Database
from appliance.store.picture_jobs import Bounds, StoredJob, StoredResult
from federation.http import Problem
from federation.viewing.pictures import JobState, PictureVerdict

log = logging.getLogger(__name__)

MOST_RESULTS = 20_000
OF_PEOPLE = Bounds(jobs=64, results=100_000, age=timedelta(days=30))
OF_PLANS = Bounds(jobs=64, results=10_000, age=timedelta(days=30))
LOOK_AGAIN_S = 600.0


@dataclass(kw_only=True)
class Worker:
    """Works off the tasks that lie in the database. `news` wakes it, `ended` tells whoever hands results over."""

    database: Database
    footage: FootageFolder
    kept: KeptPictures
    queue: ResultsQueue
    looker: Looker
    to_this_box: bool
    news: asyncio.Event
    ended: asyncio.Event
    arriving: set[str]

    async def run(self) -> None:
        """Work until cancelled."""
        await self.sweep()
        opened = reach.checked_session(within_s=WITHIN_S, to_this_box=self.to_this_box, at_once=1)
        async with opened as session:
            while True:
                self.news.clear()
                job = await self.database.run(picture_jobs.take_next)
                if job is None:
                    with suppress(TimeoutError):
                        async with asyncio.timeout(LOOK_AGAIN_S):
                            await self.news.wait()
                else:
                    await self._work(session, job)
                await self.sweep()

    async def sweep(self) -> None:
        """Forget tasks that are too many or too old, and the pictures beside tasks that are gone."""
        now = datetime.now(UTC)
        await self.database.run(lambda db: _prune(db, now))
        known = {job.id for job in await self.database.read(picture_jobs.newest_first)}
        await asyncio.to_thread(self.kept.sweep, known | self.arriving)

    async def _work(self, session: aiohttp.ClientSession, job: StoredJob) -> None:
        plan = JobPlan.model_validate_json(job.plan)
        try:
            async with aclosing(self._verdicts(session, job, plan)) as verdicts:
                async for name, verdict in verdicts:
                    if not await self._keep(job, plan, name, verdict):
                        return
        except Problem as problem:
            await self._end(job, plan, JobState.FAILED, problem.detail)
        except (OSError, ValueError) as error:  # or it would be tried for ever, and others wait behind it
            log.exception("picture task %s failed", job.id)
            await self._end(job, plan, JobState.FAILED, f"{type(error).__name__}: {error}"[:300])
        else:
            await self._end(job, plan, JobState.DONE, "")

    async def _keep(self, job: StoredJob, plan: JobPlan, name: str, verdict: PictureVerdict) -> bool:
        """Keep a result, with its message for the queue; tell whether the task goes on. Raise Problem."""
        body, is_reported, is_faulty = verdict.model_dump_json(), bool(verdict.events), bool(verdict.fault)

        def work(db: sqlite3.Connection) -> bool:
            number = picture_jobs.keep(db, job.id, name, body, reported=is_reported, fault=is_faulty)
            if number is None:
                return False
            if number > MOST_RESULTS:
                raise Problem(409, "too_many_pictures", f"A picture task takes at most {MOST_RESULTS} pictures.")
            if plan.queue:
                row = row_of(StoredResult(number=number, name=name, body=body))
                self.queue.keep(db, job.id, _message(job, plan, number, result=row.model_dump(mode="json")))
            _prune(db, datetime.now(UTC))
            return True

        is_kept = await self.database.run(work)
        if is_kept and plan.queue:
            self.queue.note(job.id)
        return is_kept

    async def _end(self, job: StoredJob, plan: JobPlan, state: JobState, reason: str) -> None:
        """End a task; the queue hears that no more comes, unless it is full."""

        def work(db: sqlite3.Connection) -> bool:
            ended = picture_jobs.end(db, job.id, state, reason, datetime.now(UTC))
            found = picture_jobs.find(db, job.id)
            if not ended or not plan.queue or found is None:
                return False
            told = shown(found, plan, self.queue.waiting[job.id]).model_dump(mode="json")
            return self.queue.has_kept(db, job.id, _message(job, plan, "end", ended=told))

        if await self.database.run(work):
            self.queue.note(job.id)
        self.ended.set()

    async def _verdicts(
        self, session: aiohttp.ClientSession, job: StoredJob, plan: JobPlan
    ) -> AsyncGenerator[tuple[str, PictureVerdict]]:
        """Yield names and verdicts of the pictures of which there are no results yet."""
        if plan.film is not None:
            path = await asyncio.to_thread(self.footage.inside, plan.film, Path.is_file)
            async for verdict in self._of_film(job, plan, path):
                yield path.name, verdict
        elif plan.folder is not None:
            for file in await self._left_in_folder(job, plan.folder):
                yield file.name, await self.looker.look(await asyncio.to_thread(read_picture, file), plan)
        for number, name in list(enumerate(plan.handed, start=1))[job.pictures :]:
            content = await asyncio.to_thread(self.kept.get, job.id, number)
            yield name, await self.looker.look(content or b"", plan)
        for number, url in list(enumerate(plan.urls, start=1))[job.pictures :]:
            yield name_of(url), await self._fetched(session, job, plan, number, url)

    async def _of_film(self, job: StoredJob, plan: JobPlan, path: Path) -> AsyncGenerator[PictureVerdict]:
        last = await self.database.read(partial(picture_jobs.results, job_id=job.id, after=job.pictures - 1, limit=1))
        before = row_of(last[0]).verdict if last else None
        if before is not None and before.fault:
            return  # the film could not be read further
        total = job.total
        async with aclosing(self.looker.film(path, plan, None if before is None else before.at_s)) as verdicts:
            async for verdict in verdicts:
                fresh = int(verdict.of_s / plan.every_s) + 1 if plan.every_s and verdict.of_s else None
                if fresh is not None and fresh != total:
                    total = fresh
                    await self.database.run(partial(picture_jobs.expect, job_id=job.id, total=fresh))
                yield verdict

    async def _left_in_folder(self, job: StoredJob, name: str) -> list[Path]:
        folder = await asyncio.to_thread(self.footage.inside, name, Path.is_dir)
        files = await asyncio.to_thread(self.footage.pictures_in, folder)
        done = await self.database.read(partial(picture_jobs.names, job_id=job.id))
        left = [file for file in files if file.name not in done]
        await self.database.run(partial(picture_jobs.expect, job_id=job.id, total=len(done) + len(left)))
        return left

    async def _fetched(
        self, session: aiohttp.ClientSession, job: StoredJob, plan: JobPlan, number: int, url: str
    ) -> PictureVerdict:
        """Fetch a picture, keep it to be shown if there is room, and have it looked at."""
        try:
            content = await fetch(session, url, to_this_box=self.to_this_box)
        except NotFetched as why:
            return PictureVerdict(fault=str(why)[:300])
        of_plans = await self.database.read(picture_jobs.of_plans)
        await asyncio.to_thread(self.kept.put, job.id, number, content, open_jobs={job.id}, of_plans=of_plans)
        return await self.looker.look(content, plan)


def _prune(db: sqlite3.Connection, now: datetime) -> None:
    picture_jobs.prune(db, now, OF_PEOPLE, of_plans=False)
    picture_jobs.prune(db, now, OF_PLANS, of_plans=True)


def _message(job: StoredJob, plan: JobPlan, place: int | str, **content: object) -> str:
    """Return a message for the queue; its `id` is the same when it comes twice."""
    name = {"algorithm_id": plan.algorithm_id, "version": plan.version}
    told = {"id": f"{job.id}/{place}", "job_id": job.id, **name, **content}
    return json.dumps(told, ensure_ascii=False, separators=(",", ":"))
