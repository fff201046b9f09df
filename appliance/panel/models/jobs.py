"""Picture tasks: many pictures for one model, of a request, a folder, a film or the web, after the cameras' frames.

Tasks and their results lie in the box's database: one that was at work when the box went down goes on with the pictures
of which there are no results. A result and its message for the queue are committed together, so each comes once.
"""

import asyncio
import base64
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from appliance.agent.state import AgentState
from appliance.errors import ProcessAway
from appliance.local.vision_client import VisionClient
from appliance.panel.models.callbacks import Callbacks, refuse_forbidden
from appliance.panel.models.footage import UPLOADS, FootageFolder, read_picture
from appliance.panel.models.kept import KeptPictures
from appliance.panel.models.looking import Looker, is_loaded, is_wanted
from appliance.panel.models.model import JobPlan, row_of, shown
from appliance.panel.models.results_queue import ResultsQueue
from appliance.panel.models.working import Worker
from appliance.store import picture_jobs
from appliance.store.picture_jobs import NewJob, StoredJob
from federation.http import Page, Problem
from federation.http.problem import conflict, not_found
from federation.messages import PlanAlgorithm, new_id
from federation.viewing.pictures import Job, JobDraft, JobRow, ResultQuery

MOST_WAITING = 16
MOST_OF_PLANS = 8
"""Tasks of snapshot plans are put in line only while fewer wait."""


class Jobs:
    """All picture tasks of this box, one after the other. Methods raise Problem."""

    def __init__(self, state: AgentState) -> None:
        """Prepare; `run` works them off, and hands their results over."""
        config = state.config
        record_free = config.record.free_bytes
        self._to_this_box = config.capture.deliver_to_this_box
        self._state = state
        self._database = state.database
        self._vision = VisionClient(config.run_folder)
        self._news, self._arriving = asyncio.Event(), set[str]()
        self._kept = KeptPictures(config.picture_tasks_folder, free_bytes=record_free)
        self.footage = FootageFolder(root=config.footage_folder, free_bytes=record_free)
        self.queue = ResultsQueue(state.database, config.results_queue, client_id=f"fengsui-pictures-{new_id()}")
        self.callbacks = Callbacks(
            database=state.database,
            to_this_box=self._to_this_box,
            news=asyncio.Event(),
            queue_waiting=lambda job_id: self.queue.waiting[job_id],
        )
        packages = partial(_packages, state)
        self._worker = Worker(
            database=state.database,
            footage=self.footage,
            kept=self._kept,
            queue=self.queue,
            looker=Looker(vision=self._vision, is_wanted=lambda package: package in packages()),
            to_this_box=self._to_this_box,
            news=self._news,
            ended=self.callbacks.news,
            arriving=self._arriving,
        )

    async def run(self) -> None:
        """Work off the tasks in their order, until cancelled."""
        await self._worker.run()

    async def order(self, draft: JobDraft) -> Job:
        """Put a task in line; refuse it where its results cannot go or the line is full."""
        plan = JobPlan.of(draft)
        await self._check(plan)
        contents = (_decoded(picture.content) for picture in draft.pictures)
        return await self._ordered(plan, contents, most_waiting=MOST_WAITING)

    async def analyse(self, algorithm: PlanAlgorithm, pictures: Mapping[str, bytes]) -> str:
        """Put pictures of a snapshot plan in line by their names, and return the id of the task.

        People find room in the line besides. Refuse them also while nobody can look yet, and will soon.
        """
        await self._check_that_somebody_looks(algorithm)
        plan = JobPlan(
            algorithm_id=algorithm.algorithm_id,
            version=algorithm.version,
            handed=tuple(pictures),
            every_s=1.0,
            queue=self.queue.exists,
            callback_url=None,
        )
        return (await self._ordered(plan, pictures.values(), most_waiting=MOST_OF_PLANS, of_plan=True)).id

    def holds(self, algorithm: PlanAlgorithm) -> bool:
        """Tell whether a model of an algorithm is here, or on its way here."""
        return is_loaded(self._state, algorithm) or is_wanted(self._state, algorithm)

    async def again(self, job_id: str) -> Job:
        """Order once more what a task looked at."""
        plan, fresh_id = _plan(await self._known(job_id)), new_id()
        await self._check(plan)
        self._arriving.add(fresh_id)
        try:
            for number in range(1, len(plan.handed) + 1):
                content = await asyncio.to_thread(self._kept.get, job_id, number)
                if content is None:
                    raise conflict("pictures_gone", "The box has not kept the pictures of this task; hand them over.")
                await self._put(fresh_id, number, content)
            return await self._add(fresh_id, plan, most_waiting=MOST_WAITING)
        finally:
            self._arriving.discard(fresh_id)

    async def batches(self) -> frozenset[str]:
        """Return the uploads that tasks still need."""
        found = await self._database.read(picture_jobs.still_open)
        parts = (Path(_plan(job).source).parts for job in found)
        return frozenset(part[1] for part in parts if len(part) > 1 and part[0] == UPLOADS)

    async def page(self) -> Page[Job]:
        """Return all tasks that are kept, newest first."""
        found = await self._database.read(picture_jobs.newest_first)
        return Page(items=tuple(self._shown(job) for job in found))

    async def job(self, job_id: str) -> Job:
        """Return one task."""
        return self._shown(await self._known(job_id))

    async def results(self, job_id: str, query: ResultQuery) -> Page[JobRow]:
        """Return results in their order, from the one after number `after`."""
        job, after = await self._known(job_id), int(query.after or 0)
        found = await self._database.read(partial(picture_jobs.results, job_id=job_id, after=after, limit=query.limit))
        last = found[-1].number if found else after
        return Page(items=tuple(map(row_of, found)), next=str(last) if last < job.pictures else None)

    async def stop(self, job_id: str) -> Job:
        """Let a task stand still; what it has found stays, and it can go on from there."""
        now = datetime.now(UTC)
        if not await self._database.run(lambda db: picture_jobs.stop(db, job_id, now)):
            await self._known(job_id)
            raise conflict("has_ended", "The task has ended already; order it again.")
        return await self.job(job_id)

    async def start(self, job_id: str) -> Job:
        """Let a task that was stopped go on with the pictures that are left."""
        if not await self._database.run(lambda db: picture_jobs.start(db, job_id)):
            await self._known(job_id)
            raise conflict("not_stopped", "Only a task that was stopped can go on; order others again.")
        self._news.set()
        return await self.job(job_id)

    async def remove(self, job_id: str) -> None:
        """End a task if it is at work, and forget it with its results and its pictures."""
        if not await self._database.run(lambda db: picture_jobs.remove(db, job_id)):
            raise not_found("picture task", job_id)
        await asyncio.to_thread(self._kept.remove, job_id)

    async def picture(self, job_id: str, number: int) -> bytes:
        """Return the picture of a result, as JPEG, PNG or WebP, while it is there."""
        plan = _plan(await self._known(job_id))
        found = await self._database.read(partial(picture_jobs.results, job_id=job_id, after=number - 1, limit=1))
        if not found or found[0].number != number:
            raise not_found("result", str(number))
        row, content = row_of(found[0]), None
        if plan.folder is not None:
            file = await asyncio.to_thread(self.footage.inside, f"{plan.folder}/{row.name}", Path.is_file)
            content = await asyncio.to_thread(read_picture, file)
        elif plan.film is not None:
            content = await self._film_picture(plan.film, row.verdict.at_s)
        else:
            content = await asyncio.to_thread(self._kept.get, job_id, number)
        if not content:
            raise not_found("picture", row.name)
        return content

    async def _film_picture(self, film: str, at_s: float) -> bytes | None:
        path = await asyncio.to_thread(self.footage.inside, film, Path.is_file)
        try:
            return await self._vision.film_picture(path, at_s)
        except ProcessAway as error:
            raise Problem(503, "process_away", "The vision process is starting; try again.") from error

    async def _check(self, plan: JobPlan) -> None:
        if plan.queue and not self.queue.exists:
            text = "This box has no message queue; name one in [results_queue] of its configuration."
            raise conflict("no_queue", text)
        if plan.callback_url is not None:
            await refuse_forbidden(plan.callback_url, to_this_box=self._to_this_box)

    async def _check_that_somebody_looks(self, algorithm: PlanAlgorithm) -> None:
        try:
            await self._vision.greet()
        except ProcessAway as error:
            raise Problem(503, "process_away", f"{error}.") from error
        if is_wanted(self._state, algorithm) and not is_loaded(self._state, algorithm):
            name = f"{algorithm.algorithm_id} {algorithm.version}"
            reason = self._state.engine.unusable.get(name, "its package is on its way, or its model is being loaded")
            raise Problem(503, "not_loaded", f"{name} cannot look at pictures now: {reason}.")

    async def _ordered(
        self, plan: JobPlan, contents: Iterable[bytes], *, most_waiting: int, of_plan: bool = False
    ) -> Job:
        job_id = new_id()
        self._arriving.add(job_id)
        try:
            for number, content in enumerate(contents, start=1):
                await self._put(job_id, number, content)
            return await self._add(job_id, plan, most_waiting=most_waiting, of_plan=of_plan)
        finally:
            self._arriving.discard(job_id)

    async def _put(self, job_id: str, number: int, content: bytes) -> None:
        open_jobs = {job.id for job in await self._database.read(picture_jobs.still_open)} | self._arriving
        of_plans = await self._database.read(picture_jobs.of_plans)
        if not await asyncio.to_thread(self._kept.put, job_id, number, content, open_jobs=open_jobs, of_plans=of_plans):
            await asyncio.to_thread(self._kept.remove, job_id)
            raise Problem(507, "disk_full", "The box has no room for these pictures; make room on its disk.")

    async def _add(self, job_id: str, plan: JobPlan, *, most_waiting: int, of_plan: bool = False) -> Job:
        is_called_back = plan.callback_url is not None
        job = NewJob(id=job_id, plan=plan.model_dump_json(), total=plan.total, callback=is_called_back, of_plan=of_plan)
        now = datetime.now(UTC)
        if not await self._database.run(lambda db: picture_jobs.add(db, job, now, most_waiting=most_waiting)):
            await asyncio.to_thread(self._kept.remove, job_id)
            raise Problem(429, "too_many_jobs", f"{most_waiting} picture tasks wait already; order again later.")
        self._news.set()
        return await self.job(job_id)

    def _shown(self, job: StoredJob) -> Job:
        return shown(job, _plan(job), self.queue.waiting[job.id])

    async def _known(self, job_id: str) -> StoredJob:
        job = await self._database.read(lambda db: picture_jobs.find(db, job_id))
        if job is None:
            raise not_found("picture task", job_id)
        return job


def _packages(state: AgentState) -> frozenset[tuple[str, str]]:
    """Return the algorithms and versions that this box is to hold."""
    return frozenset((each.algorithm_id, each.version) for each in state.outcome.plan.packages)


def _plan(job: StoredJob) -> JobPlan:
    return JobPlan.model_validate_json(job.plan)


def _decoded(text: str) -> bytes:
    """Return what Base64 stands for; nothing, which is no picture, for what is none."""
    try:
        return base64.b64decode(text, validate=True)
    except ValueError:
        return b""
