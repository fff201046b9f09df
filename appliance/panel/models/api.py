"""The panel's routes of models and of pictures handed to them."""

import asyncio
from dataclasses import asdict

from aiohttp import web

from appliance.agent.state import AgentState
from appliance.errors import ProcessAway
from appliance.local import EngineReport
from appliance.local.vision_client import CannotRead, VisionClient
from appliance.panel.models.footage import PICTURE_LIMIT_BYTES
from appliance.panel.models.jobs import Jobs
from appliance.panel.models.model import LookQuery
from appliance.store.people import OPERATE, READ
from federation.http import Access, Call, Page, Problem, Routes
from federation.messages import Slug
from federation.viewing.pictures import (
    ORDER_BYTES,
    FileName,
    FootageItem,
    FootageStore,
    Job,
    JobDraft,
    JobId,
    JobRow,
    PictureVerdict,
    ResultNumber,
    ResultQuery,
)

CAN_READ = Access(permission=READ)
CAN_OPERATE = Access(permission=OPERATE)


def routes(state: AgentState) -> Routes:
    """Return the routes over what vision says and does at the panel alone."""
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

    return part


def task_routes(state: AgentState, jobs: Jobs) -> Routes:
    """Return the routes of picture tasks: for people at the panel, and for the hub."""
    part = Routes(tag="pictures")
    _add_jobs(part, jobs)
    _add_control(part, jobs)
    _add_footage(part, state, jobs)
    return part


def _add_jobs(part: Routes, jobs: Jobs) -> None:
    @part.post("/api/v1/picture-jobs", access=CAN_OPERATE, status=201, body_limit_bytes=ORDER_BYTES)
    async def order_pictures(body: JobDraft) -> Job:
        """Have pictures of the request (4 MiB each) or of web addresses, a folder or a film looked at."""
        return await jobs.order(body)

    @part.get("/api/v1/picture-jobs", access=CAN_READ)
    async def list_picture_jobs() -> Page[Job]:
        """List picture tasks, newest first: the last 64, until 30 days after their end."""
        return await jobs.page()

    @part.get("/api/v1/picture-jobs/{job_id}", access=CAN_READ)
    async def get_picture_job(job_id: JobId) -> Job:
        """Tell how far a picture task is."""
        return await jobs.job(job_id)

    @part.get("/api/v1/picture-jobs/{job_id}/results", access=CAN_READ)
    async def list_picture_results(job_id: JobId, query: ResultQuery) -> Page[JobRow]:
        """Give the results there are so far, in their order."""
        return await jobs.results(job_id, query)

    @part.get(
        "/api/v1/picture-jobs/{job_id}/results/{number}/picture", access=CAN_READ, produces="application/octet-stream"
    )
    async def get_result_picture(job_id: JobId, number: ResultNumber) -> web.StreamResponse:
        """Give the picture of a result; 404 if it is not kept any more."""
        content = await jobs.picture(job_id, number)
        headers = {"Cache-Control": "private, max-age=600", "X-Content-Type-Options": "nosniff"}
        return web.Response(body=content, content_type=kind_of(content), headers=headers)


def _add_control(part: Routes, jobs: Jobs) -> None:
    @part.post("/api/v1/picture-jobs/{job_id}/stop", access=CAN_OPERATE)
    async def stop_picture_job(job_id: JobId) -> Job:
        """Let a picture task stand still; what it has found stays."""
        return await jobs.stop(job_id)

    @part.post("/api/v1/picture-jobs/{job_id}/start", access=CAN_OPERATE)
    async def start_picture_job(job_id: JobId) -> Job:
        """Let a stopped picture task go on with the pictures that are left."""
        return await jobs.start(job_id)

    @part.post("/api/v1/picture-jobs/{job_id}/again", access=CAN_OPERATE, status=201)
    async def repeat_picture_job(job_id: JobId) -> Job:
        """Order once more what a picture task looked at, as a task of its own."""
        return await jobs.again(job_id)

    @part.delete("/api/v1/picture-jobs/{job_id}", access=CAN_OPERATE)
    async def remove_picture_job(job_id: JobId) -> None:
        """End a picture task, and forget it with its results."""
        await jobs.remove(job_id)


def _add_footage(part: Routes, state: AgentState, jobs: Jobs) -> None:
    @part.get("/api/v1/footage", access=CAN_READ)
    async def list_footage() -> FootageStore:
        """List the folders of pictures, and the films, that lie on this box for picture tasks, and who can look."""
        found = await asyncio.to_thread(jobs.footage.content)
        items = tuple(FootageItem.model_validate(asdict(item)) for item in found)
        algorithms = tuple(sorted({name for model in state.engine.models for name in model.packages}))
        return FootageStore(items=items, algorithms=algorithms, queue=jobs.queue.exists, queue_fault=jobs.queue.fault)

    @part.put(
        "/api/v1/footage/uploads/{batch}/{name}", access=CAN_OPERATE, status=201, consumes="application/octet-stream"
    )
    async def upload_footage(call: Call, batch: Slug, name: FileName) -> FootageItem:
        """Bring a picture (16 MiB) or a film (2 GiB) to this box; what was uploaded first gives way to it."""
        kept = await jobs.footage.take(batch, name, call.request, kept=await jobs.batches())
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
            content, query.algorithm_id, query.version, person=person, point_id=query.point_id or ""
        )
    except ProcessAway as error:
        raise Problem(503, "process_away", "The vision process is starting; try again.") from error
    except CannotRead as error:
        words = str(error).partition(": ")[2] or str(error)
        raise Problem(422, "unreadable_picture", f"The picture cannot be analysed: {words}.") from error
    if verdict is None:
        name = f"{query.algorithm_id} {query.version}"
        raise Problem(404, "not_found", f"No model of {name} is loaded on this box; see the page of models.")
    return verdict
