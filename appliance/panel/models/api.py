"""The panel's routes of models and of pictures handed to them."""

import asyncio
from dataclasses import asdict
from typing import Annotated

from aiohttp import web
from pydantic import StringConstraints

from appliance.agent.state import AgentState
from appliance.errors import ProcessAway
from appliance.local import EngineReport, PictureVerdict
from appliance.local.vision_client import CannotRead, VisionClient
from appliance.panel.models.footage import PICTURE_LIMIT_BYTES
from appliance.panel.models.jobs import Jobs
from appliance.panel.models.model import FootageItem, FootageStore, Job, JobDraft, JobRow, LookQuery, ResultQuery
from appliance.store.people import OPERATE, READ
from federation.http import Access, Call, Page, Problem, Routes
from federation.messages import Slug

CAN_READ = Access(permission=READ)
CAN_OPERATE = Access(permission=OPERATE)
FileName = Annotated[str, StringConstraints(pattern=r"^[^/\\\x00.][^/\\\x00]{0,199}$")]


def routes(state: AgentState, jobs: Jobs) -> Routes:
    """Return the routes over what vision says and does, and over picture tasks."""
    part = Routes(tag="models")

    @part.get("/api/v1/models", access=CAN_READ)
    async def list_models() -> EngineReport:
        """Give the models that are loaded, who shares each, what it costs here and what waits for it."""
        return state.engine

    @part.post("/api/v1/pictures/look", access=CAN_OPERATE, consumes="image/jpeg")
    async def look_at_picture(call: Call, query: LookQuery) -> PictureVerdict:
        """Show one picture (JPEG, PNG or WebP) to a loaded model: what it sees, and what its rule says of that."""
        if (call.request.content_length or 0) > PICTURE_LIMIT_BYTES:
            raise Problem(413, "too_large", f"Send a picture of at most {PICTURE_LIMIT_BYTES >> 20} MiB.")
        content = await call.request.read()
        return await look(state, content, query, person=True)

    _add_jobs(part, jobs)
    _add_footage(part, jobs)
    return part


def _add_jobs(part: Routes, jobs: Jobs) -> None:
    @part.post("/api/v1/picture-jobs", access=CAN_OPERATE, status=201)
    async def order_pictures(body: JobDraft) -> Job:
        """Have pictures, a folder or a film of this box looked at, after the cameras' frames."""
        return jobs.order(body)

    @part.get("/api/v1/picture-jobs", access=CAN_READ)
    async def list_picture_jobs() -> Page[Job]:
        """List picture tasks, newest first; a restart of the box forgets them."""
        return jobs.page()

    @part.get("/api/v1/picture-jobs/{job_id}", access=CAN_READ)
    async def get_picture_job(job_id: str) -> Job:
        """Tell how far a picture task is."""
        return jobs.job(job_id)

    @part.get("/api/v1/picture-jobs/{job_id}/results", access=CAN_READ)
    async def list_picture_results(job_id: str, query: ResultQuery) -> Page[JobRow]:
        """Give the results there are so far, in their order."""
        return jobs.results(job_id, query)

    @part.delete("/api/v1/picture-jobs/{job_id}", access=CAN_OPERATE)
    async def cancel_picture_job(job_id: str) -> None:
        """End a picture task; what it has found stays."""
        jobs.cancel(job_id)

    @part.post("/api/v1/picture-jobs/{job_id}/again", access=CAN_OPERATE, status=201)
    async def repeat_picture_job(job_id: str) -> Job:
        """Order once more what a picture task looked at, as a task of its own."""
        return jobs.again(job_id)

    @part.get(
        "/api/v1/picture-jobs/{job_id}/results/{number}/picture", access=CAN_READ, produces="application/octet-stream"
    )
    async def get_result_picture(job_id: str, number: int) -> web.StreamResponse:
        """Give the picture of a result; 404 if its file is not there any more."""
        content = await jobs.picture(job_id, number)
        headers = {"Cache-Control": "private, max-age=600", "X-Content-Type-Options": "nosniff"}
        return web.Response(body=content, content_type=kind_of(content), headers=headers)


def _add_footage(part: Routes, jobs: Jobs) -> None:
    @part.get("/api/v1/footage", access=CAN_READ)
    async def list_footage() -> FootageStore:
        """List the folders of pictures, and the films, that lie on this box for picture tasks."""
        found = await asyncio.to_thread(jobs.footage.content)
        items = tuple(FootageItem.model_validate(asdict(item)) for item in found)
        return FootageStore(items=items, queue=jobs.queue.exists, queue_fault=jobs.queue.fault)

    @part.put(
        "/api/v1/footage/uploads/{batch}/{name}", access=CAN_OPERATE, status=201, consumes="application/octet-stream"
    )
    async def upload_footage(call: Call, batch: Slug, name: FileName) -> FootageItem:
        """Bring a picture (16 MiB) or a film (2 GiB) to this box; what was uploaded first gives way to it."""
        kept = await jobs.footage.take(batch, name, call.request, kept=jobs.batches)
        return FootageItem.model_validate(asdict(kept))


def kind_of(content: bytes) -> str:
    """Return the media type of a picture by its first bytes."""
    if content.startswith(b"\x89PNG"):
        return "image/png"
    return "image/webp" if content[8:12] == b"WEBP" else "image/jpeg"


async def look(state: AgentState, content: bytes, query: LookQuery, *, person: bool) -> PictureVerdict:
    """Return what a model sees in a picture; raise Problem with what to do otherwise."""
    try:
        verdict = await VisionClient(state.config.run_folder).look(
            content, query.algorithm_id, query.version, person=person
        )
    except ProcessAway as error:
        raise Problem(503, "process_away", "The vision process is starting; try again.") from error
    except CannotRead as error:
        raise Problem(422, "unreadable_picture", f"The picture cannot be analysed: {error}.") from error
    if verdict is None:
        name = f"{query.algorithm_id} {query.version}"
        raise Problem(404, "not_found", f"No model of {name} is loaded on this box; see the page of models.")
    return verdict
