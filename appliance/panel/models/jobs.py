"""Picture tasks: many pictures for one model, of a request, a folder or a film of this box, after the cameras' frames.

Jobs and their results live in memory: a restart forgets them, and whoever ordered one orders it again. Results for the
message queue are on the disk before a job goes on, so that what it has got is all there is, twice at most.
"""

import asyncio
import base64
import json
import logging
import time
from collections import OrderedDict
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import aiohttp

from appliance.agent.state import AgentState
from appliance.errors import ProcessAway
from appliance.local import PictureVerdict
from appliance.local.vision_client import CannotRead, VisionClient
from appliance.panel.models.footage import PICTURE_LIMIT_BYTES, UPLOADS, FootageFolder
from appliance.panel.models.model import Job, JobDraft, JobRow, JobState, ResultQuery
from appliance.panel.models.results_queue import ResultsQueue
from federation.http import Page, Problem
from federation.http.problem import not_found
from federation.messages import new_id

log = logging.getLogger(__name__)

MOST_JOBS = 32
MOST_WAITING = 16
MOST_ROWS = 20_000
FINISHED = frozenset({JobState.DONE, JobState.FAILED, JobState.CANCELLED})
CALLBACK_ROWS = 100
CALLBACK_WITHIN_S = 10.0
CALLBACK_PAUSES_S = (1.0, 5.0, 20.0)
AWAY_PAUSE_S = 2.0
AWAY_LONGEST_S = 120.0


@dataclass(kw_only=True)
class _Ordered:
    """A job with its results; a row's number is its place in them, from 1."""

    id: str
    draft: JobDraft
    ordered_at: datetime
    state: JobState = JobState.WAITING
    reason: str = ""
    callback_reason: str = ""
    total: int | None = None
    rows: list[JobRow] = field(default_factory=list)

    def shown(self, queue_waiting: int) -> Job:
        """Return the job as the API tells it."""
        return Job(
            id=self.id,
            source=self.draft.film or self.draft.folder or "",
            ordered_at=self.ordered_at,
            total=len(self.rows) if self.state is JobState.DONE else self.total,
            reported=sum(bool(row.verdict.events) for row in self.rows),
            queue=self.draft.queue,
            queue_waiting=queue_waiting,
            algorithm_id=self.draft.algorithm_id,
            version=self.draft.version,
            state=self.state,
            reason=self.reason,
            callback_reason=self.callback_reason,
            pictures=len(self.rows),
            faults=sum(bool(row.verdict.fault) for row in self.rows),
        )


class Jobs:
    """All picture tasks of this box, one after the other."""

    def __init__(self, state: AgentState) -> None:
        """Start without jobs; `run` works them off."""
        config = state.config
        self.footage = FootageFolder(root=config.footage_folder, free_bytes=config.record.free_bytes)
        self.queue = ResultsQueue(state.database, config.results_queue, client_id=f"fengsui-pictures-{new_id()}")
        self._vision = VisionClient(config.run_folder)
        self._jobs: OrderedDict[str, _Ordered] = OrderedDict()
        self._news = asyncio.Event()

    def order(self, draft: JobDraft) -> Job:
        """Put a job in line; raise Problem if its source is not there or the line is full."""
        if sum(job.state is JobState.WAITING for job in self._jobs.values()) >= MOST_WAITING:
            raise Problem(429, "too_many_jobs", f"{MOST_WAITING} picture tasks wait already; order again later.")
        if draft.queue and not self.queue.exists:
            text = "This box has no message queue; name one in [results_queue] of its configuration."
            raise Problem(409, "no_queue", text)
        job = _Ordered(id=new_id(), draft=draft, ordered_at=datetime.now(UTC))
        self._jobs[job.id] = job
        for old in [each.id for each in self._jobs.values() if each.state in FINISHED]:
            if len(self._jobs) > MOST_JOBS:
                del self._jobs[old]
        self._news.set()
        return self._shown(job)

    def again(self, job_id: str) -> Job:
        """Order once more what a job looked at; raise Problem."""
        return self.order(self._known(job_id).draft)

    @property
    def batches(self) -> frozenset[str]:
        """The uploads that jobs still need."""
        parts = (Path(job.draft.film or job.draft.folder or "").parts for job in self._jobs.values() if _is_open(job))
        return frozenset(part[1] for part in parts if len(part) > 1 and part[0] == UPLOADS)

    def page(self) -> Page[Job]:
        """Return all jobs that are remembered, newest first."""
        return Page(items=tuple(self._shown(job) for job in reversed(self._jobs.values())))

    def job(self, job_id: str) -> Job:
        """Return one job; raise Problem for an unknown one."""
        return self._shown(self._known(job_id))

    def results(self, job_id: str, query: ResultQuery) -> Page[JobRow]:
        """Return results in their order, from the one after number `after`."""
        rows = self._known(job_id).rows
        first = int(query.after or 0)
        items = tuple(rows[first : first + query.limit])
        end = first + len(items)
        return Page(items=items, next=str(end) if end < len(rows) else None)

    def cancel(self, job_id: str) -> Job:
        """End a job; what it has found stays."""
        job = self._known(job_id)
        if job.state not in FINISHED:
            job.state = JobState.CANCELLED
        return self._shown(job)

    async def picture(self, job_id: str, number: int) -> bytes:
        """Return the picture of a result, as JPEG, PNG or WebP; raise Problem if it is not there any more."""
        job = self._known(job_id)
        if not 1 <= number <= len(job.rows):
            raise not_found("result", str(number))
        row, draft = job.rows[number - 1], job.draft
        if draft.pictures:
            return _decoded(draft.pictures[number - 1].content)
        if draft.folder is not None:
            name = f"{draft.folder}/{row.name}"
            return await asyncio.to_thread(_content, await asyncio.to_thread(self.footage.inside, name, Path.is_file))
        path = await asyncio.to_thread(self.footage.inside, draft.film or "", Path.is_file)
        try:
            content = await self._vision.film_picture(path, row.verdict.at_s)
        except ProcessAway as error:
            raise Problem(503, "process_away", "The vision process is starting; try again.") from error
        if content is None:
            raise not_found("picture", row.name)
        return content

    async def run(self) -> None:
        """Work off the jobs in their order, until cancelled."""
        while True:
            job = next((each for each in self._jobs.values() if each.state is JobState.WAITING), None)
            if job is None:
                self._news.clear()
                await self._news.wait()
                continue
            job.state = JobState.RUNNING
            try:
                await self._work(job)
            except Problem as problem:
                job.state, job.reason = JobState.FAILED, problem.detail
            if job.state is JobState.RUNNING:
                job.state = JobState.DONE
            await self._tell_end(job)
            if job.draft.callback_url:
                await self._call_back(job, job.draft.callback_url)

    async def _work(self, job: _Ordered) -> None:
        async for name, verdict in self._verdicts(job):
            if job.state is not JobState.RUNNING:
                return
            if len(job.rows) >= MOST_ROWS:
                raise Problem(409, "too_many_pictures", f"A picture task takes at most {MOST_ROWS} pictures.")
            row = JobRow(number=len(job.rows) + 1, name=name, verdict=verdict)
            if job.draft.queue:
                await self.queue.put(job.id, _message(job, result=row.model_dump(mode="json")))
            job.rows.append(row)

    async def _tell_end(self, job: _Ordered) -> None:
        """Let the queue know that no more results come; what it cannot hold is told by the job alone."""
        if job.draft.queue:
            with suppress(Problem):
                await self.queue.put(job.id, _message(job, ended=self._shown(job).model_dump(mode="json")))

    async def _verdicts(self, job: _Ordered) -> AsyncIterator[tuple[str, PictureVerdict]]:
        draft, job.total = job.draft, len(job.draft.pictures) or None
        if draft.film:
            path = await asyncio.to_thread(self.footage.inside, draft.film, Path.is_file)
            async for verdict in self._film(path, draft):
                job.total = int(verdict.of_s / draft.every_s) + 1 if draft.every_s and verdict.of_s else None
                yield path.name, verdict
        elif draft.folder is not None:
            folder = await asyncio.to_thread(self.footage.inside, draft.folder, Path.is_dir)
            files = await asyncio.to_thread(self.footage.pictures_in, folder)
            job.total = len(files)
            for file in files:
                yield file.name, await self._look(await asyncio.to_thread(_content, file), draft)
        for picture in draft.pictures:
            yield picture.name, await self._look(_decoded(picture.content), draft)

    async def _look(self, content: bytes, draft: JobDraft) -> PictureVerdict:
        until_s = time.monotonic() + AWAY_LONGEST_S
        while True:
            try:
                found = await self._vision.look(content, draft.algorithm_id, draft.version, person=False)
            except CannotRead as error:
                return PictureVerdict(fault=str(error)[:300])
            except ProcessAway as error:
                if time.monotonic() > until_s:
                    raise Problem(503, "process_away", "The vision process did not come back.") from error
                await asyncio.sleep(AWAY_PAUSE_S)
                continue
            if found is None:
                raise Problem(409, "not_loaded", f"No model of {draft.algorithm_id} {draft.version} is loaded here.")
            return found

    async def _film(self, path: Path, draft: JobDraft) -> AsyncIterator[PictureVerdict]:
        try:
            async for verdict in self._vision.film(path, draft.algorithm_id, draft.version, every_s=draft.every_s):
                yield verdict
        except ProcessAway as error:
            raise Problem(503, "process_away", "The vision process ended while it saw the film.") from error

    async def _call_back(self, job: _Ordered, url: str) -> None:
        """Hand the results over by POST, `CALLBACK_ROWS` at once; note why that failed in the end."""
        parts = [job.rows[first : first + CALLBACK_ROWS] for first in range(0, len(job.rows), CALLBACK_ROWS)] or [[]]
        timeout = aiohttp.ClientTimeout(total=CALLBACK_WITHIN_S)
        async with aiohttp.ClientSession(timeout=timeout) as session:
            for part in parts:
                rows = [row.model_dump(mode="json") for row in part]
                body: dict[str, object] = {"job": self._shown(job).model_dump(mode="json"), "items": rows}
                fault = await _posted(session, url, body)
                if fault:
                    job.callback_reason = fault
                    log.warning("results of picture task %s were not taken: %s", job.id, fault)
                    return

    def _shown(self, job: _Ordered) -> Job:
        return job.shown(self.queue.waiting[job.id])

    def _known(self, job_id: str) -> _Ordered:
        job = self._jobs.get(job_id)
        if job is None:
            raise not_found("picture task", job_id)
        return job


async def _posted(session: aiohttp.ClientSession, url: str, body: dict[str, object]) -> str:
    """Post `body`, again after each of `CALLBACK_PAUSES_S`; return the last fault, or nothing."""
    fault = ""
    for pause_s in (0.0, *CALLBACK_PAUSES_S):
        await asyncio.sleep(pause_s)
        try:
            async with session.post(url, json=body, allow_redirects=False) as answer:
                if answer.status < 300:
                    return ""
                fault = f"the receiver answered {answer.status}"
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            fault = f"the receiver cannot be reached: {type(error).__name__}"
    return fault


def _is_open(job: _Ordered) -> bool:
    return job.state not in FINISHED


def _message(job: _Ordered, **content: object) -> str:
    """Return a message for the queue; its `id` is the same when it comes twice."""
    place = f"{job.id}/{len(job.rows) + 1}" if "result" in content else f"{job.id}/end"
    name = {"algorithm_id": job.draft.algorithm_id, "version": job.draft.version}
    return json.dumps({"id": place, "job_id": job.id, **name, **content}, ensure_ascii=False, separators=(",", ":"))


def _decoded(text: str) -> bytes:
    """Return what Base64 stands for; nothing, which is no picture, for what is none."""
    try:
        return base64.b64decode(text, validate=True)
    except ValueError:
        return b""


def _content(file: Path) -> bytes:
    return file.read_bytes() if file.stat().st_size <= PICTURE_LIMIT_BYTES else b""
