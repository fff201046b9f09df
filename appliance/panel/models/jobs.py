"""Picture tasks: many pictures for one model, of a request, a folder or a film of this box, after the cameras' frames.

Jobs and their results live in memory: a restart forgets them, and whoever ordered one orders it again.
"""

import asyncio
import base64
import logging
import time
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp

from appliance.agent.state import AgentState
from appliance.errors import ProcessAway
from appliance.local import PictureVerdict
from appliance.local.vision_client import CannotRead, VisionClient
from appliance.panel.models.model import Job, JobDraft, JobRow, JobState, ResultQuery
from federation.http import Page, Problem
from federation.http.problem import not_found
from federation.messages import new_id

log = logging.getLogger(__name__)

MOST_JOBS = 32
MOST_WAITING = 16
MOST_ROWS = 20_000
PICTURE_LIMIT_BYTES = 16 << 20
SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp"})
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
    state: JobState = JobState.WAITING
    reason: str = ""
    callback_reason: str = ""
    rows: list[JobRow] = field(default_factory=list)

    def shown(self) -> Job:
        """Return the job as the API tells it."""
        return Job(
            id=self.id,
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
        self._vision = VisionClient(state.config.run_folder)
        self._footage = state.config.footage_folder
        self._jobs: OrderedDict[str, _Ordered] = OrderedDict()
        self._news = asyncio.Event()

    def order(self, draft: JobDraft) -> Job:
        """Put a job in line; raise Problem if its source is not there or the line is full."""
        if sum(job.state is JobState.WAITING for job in self._jobs.values()) >= MOST_WAITING:
            raise Problem(429, "too_many_jobs", f"{MOST_WAITING} picture tasks wait already; order again later.")
        job = _Ordered(id=new_id(), draft=draft)
        self._jobs[job.id] = job
        for old in [each.id for each in self._jobs.values() if each.state in FINISHED]:
            if len(self._jobs) > MOST_JOBS:
                del self._jobs[old]
        self._news.set()
        return job.shown()

    def page(self) -> Page[Job]:
        """Return all jobs that are remembered, newest first."""
        return Page(items=tuple(job.shown() for job in reversed(self._jobs.values())))

    def job(self, job_id: str) -> Job:
        """Return one job; raise Problem for an unknown one."""
        return self._known(job_id).shown()

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
        return job.shown()

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
            if job.draft.callback_url:
                await self._call_back(job, job.draft.callback_url)

    async def _work(self, job: _Ordered) -> None:
        async for name, verdict in self._verdicts(job.draft):
            if job.state is not JobState.RUNNING:
                return
            if len(job.rows) >= MOST_ROWS:
                raise Problem(409, "too_many_pictures", f"A picture task takes at most {MOST_ROWS} pictures.")
            job.rows.append(JobRow(number=len(job.rows) + 1, name=name, verdict=verdict))

    async def _verdicts(self, draft: JobDraft) -> AsyncIterator[tuple[str, PictureVerdict]]:
        if draft.film:
            path = await asyncio.to_thread(self._inside, draft.film, Path.is_file)
            async for verdict in self._film(path, draft):
                yield path.name, verdict
        elif draft.folder is not None:
            folder = await asyncio.to_thread(self._inside, draft.folder, Path.is_dir)
            for file in await asyncio.to_thread(_pictures_in, folder):
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

    def _inside(self, name: str, is_kind: Callable[[Path], bool]) -> Path:
        """Return a path in the box's folder of footage; raise Problem for one that leads out of it or is not there."""
        root = self._footage.resolve()
        path = (root / name).resolve()
        if not path.is_relative_to(root) or not is_kind(path):
            raise Problem(404, "not_found", f"The box's folder of footage holds no {name!r}.")
        return path

    async def _call_back(self, job: _Ordered, url: str) -> None:
        """Hand the results over by POST, `CALLBACK_ROWS` at once; note why that failed in the end."""
        parts = [job.rows[first : first + CALLBACK_ROWS] for first in range(0, len(job.rows), CALLBACK_ROWS)] or [[]]
        timeout = aiohttp.ClientTimeout(total=CALLBACK_WITHIN_S)
        async with aiohttp.ClientSession(timeout=timeout) as session:
            for part in parts:
                rows = [row.model_dump(mode="json") for row in part]
                body: dict[str, object] = {"job": job.shown().model_dump(mode="json"), "items": rows}
                fault = await _posted(session, url, body)
                if fault:
                    job.callback_reason = fault
                    log.warning("results of picture task %s were not taken: %s", job.id, fault)
                    return

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


def _pictures_in(folder: Path) -> list[Path]:
    return sorted(file for file in folder.iterdir() if file.suffix.lower() in SUFFIXES and file.is_file())


def _decoded(text: str) -> bytes:
    """Return what Base64 stands for; nothing, which is no picture, for what is none."""
    try:
        return base64.b64decode(text, validate=True)
    except ValueError:
        return b""


def _content(file: Path) -> bytes:
    return file.read_bytes() if file.stat().st_size <= PICTURE_LIMIT_BYTES else b""
