"""Routes of picture tasks, for people and programs at the hub."""

from urllib.parse import quote

from aiohttp import web

from federation.http import Access, Call, Page, Problem, Routes
from federation.messages import Slug
from federation.viewing.pictures import (
    FILM_BYTES,
    ORDER_BYTES,
    FileName,
    FootageItem,
    FootageStore,
    Job,
    JobDraft,
    JobId,
    JobRow,
    ResultNumber,
    ResultQuery,
)
from hub.pictures.service import PIECE_BYTES, PictureTasks
from hub.security.audit import Actor
from hub.security.model import OPERATE, READ

CAN_READ = Access(permission=READ)
CAN_OPERATE = Access(permission=OPERATE)
JOBS = "/api/v1/nodes/{node_id}/picture-jobs"
FOOTAGE = "/api/v1/nodes/{node_id}/footage"


def routes(tasks: PictureTasks) -> Routes:
    """Return the operations: those of the appliance's own panel, by appliance."""
    part = Routes(tag="pictures")
    _add_reading(part, tasks)
    _add_control(part, tasks)
    _add_footage(part, tasks)
    return part


def _add_reading(part: Routes, tasks: PictureTasks) -> None:
    @part.get(JOBS, access=CAN_READ)
    async def list_picture_jobs(call: Call, node_id: Slug) -> Page[Job]:
        """List the picture tasks that an appliance keeps, newest first."""
        return await tasks.page(node_id, Actor.of(call))

    @part.get(JOBS + "/{job_id}", access=CAN_READ)
    async def get_picture_job(call: Call, node_id: Slug, job_id: JobId) -> Job:
        """Tell how far a picture task is."""
        return await tasks.job(node_id, job_id, Actor.of(call))

    @part.get(JOBS + "/{job_id}/results", access=CAN_READ)
    async def list_picture_results(call: Call, node_id: Slug, job_id: JobId, query: ResultQuery) -> Page[JobRow]:
        """Give the results there are so far, in their order."""
        return await tasks.results(node_id, job_id, query, Actor.of(call))

    @part.get(JOBS + "/{job_id}/results/{number}/picture", access=CAN_READ, produces="application/octet-stream")
    async def get_result_picture(call: Call, node_id: Slug, job_id: JobId, number: ResultNumber) -> web.StreamResponse:
        """Give the picture of a result; 404 if the appliance does not keep it any more."""
        content, kind = await tasks.picture(node_id, job_id, number, Actor.of(call))
        return web.Response(body=content, content_type=kind, headers={"Cache-Control": "private, max-age=600"})


def _add_control(part: Routes, tasks: PictureTasks) -> None:
    @part.post(JOBS, access=CAN_OPERATE, status=201, body_limit_bytes=ORDER_BYTES)
    async def order_pictures(call: Call, node_id: Slug, body: JobDraft) -> Job:
        """Have an appliance look at pictures of the request or of web addresses, a folder or a film there."""
        return await tasks.order(node_id, body, Actor.of(call))

    @part.post(JOBS + "/{job_id}/stop", access=CAN_OPERATE)
    async def stop_picture_job(call: Call, node_id: Slug, job_id: JobId) -> Job:
        """Let a picture task stand still; what it has found stays."""
        return await tasks.act(node_id, job_id, "stop", Actor.of(call))

    @part.post(JOBS + "/{job_id}/start", access=CAN_OPERATE)
    async def start_picture_job(call: Call, node_id: Slug, job_id: JobId) -> Job:
        """Let a stopped picture task go on with the pictures that are left."""
        return await tasks.act(node_id, job_id, "start", Actor.of(call))

    @part.post(JOBS + "/{job_id}/again", access=CAN_OPERATE, status=201)
    async def repeat_picture_job(call: Call, node_id: Slug, job_id: JobId) -> Job:
        """Order once more what a picture task looked at, as a task of its own."""
        return await tasks.act(node_id, job_id, "again", Actor.of(call))

    @part.delete(JOBS + "/{job_id}", access=CAN_OPERATE)
    async def remove_picture_job(call: Call, node_id: Slug, job_id: JobId) -> None:
        """End a picture task, and forget it with its results."""
        await tasks.remove(node_id, job_id, Actor.of(call))


def _add_footage(part: Routes, tasks: PictureTasks) -> None:
    @part.get(FOOTAGE, access=CAN_READ)
    async def list_footage(call: Call, node_id: Slug) -> FootageStore:
        """List the folders and films on an appliance that a picture task may name, and the algorithms that can look."""
        return await tasks.footage(node_id, Actor.of(call))

    @part.put(FOOTAGE + "/uploads/{batch}/{name}", access=CAN_OPERATE, status=201, consumes="application/octet-stream")
    async def upload_footage(call: Call, node_id: Slug, batch: Slug, name: FileName) -> FootageItem:
        """Bring a picture (16 MiB) or a film (2 GiB) to an appliance; the hub keeps nothing of it."""
        length = call.request.content_length
        if length is None or length > FILM_BYTES:
            text = f"Send a file of at most {FILM_BYTES >> 20} MiB, with its Content-Length."
            raise Problem(413, "too_large", text)
        pieces = call.request.content.iter_chunked(PIECE_BYTES)
        return await tasks.take(node_id, f"{batch}/{quote(name, safe='')}", length, aiter(pieces), Actor.of(call))
