"""What the portal asks of appliances about picture tasks. The hub keeps none of them: the appliance does."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any, Literal

from federation.http import Page, Problem
from federation.http.problem import not_found
from federation.messages import NodeCall
from federation.messages.calls import Upload
from federation.viewing.pictures import (
    FootageItem,
    FootageStore,
    Job,
    JobDraft,
    JobRow,
    ResultQuery,
)
from hub.database import Database
from hub.fleet.roster import Roster
from hub.security.audit import Actor, record
from hub.video.asking import answered, call_of, read_from
from hub.video.calls import Calls

JOBS = "/api/v1/picture-jobs"
PICTURE_BYTES = 20 << 20
PIECE_BYTES = 256 << 10
PICTURE_TYPES = frozenset({"image/jpeg", "image/png", "image/webp"})
Act = Literal["stop", "start", "again"]


@dataclass(frozen=True, kw_only=True)
class PictureTasks:
    """Picture tasks of appliances. Every method raises Problem for what cannot be; what changes is noted."""

    database: Database
    roster: Roster
    calls: Calls

    async def footage(self, node_id: str, actor: Actor) -> FootageStore:
        """Return what an appliance has to be looked at, and what can look."""
        return await read_from(
            self.calls, self._reached(node_id), call_of("GET", "/api/v1/footage", actor), FootageStore
        )

    async def page(self, node_id: str, actor: Actor) -> Page[Job]:
        """Return the tasks of an appliance."""
        return await read_from(self.calls, self._reached(node_id), call_of("GET", JOBS, actor), Page[Job])

    async def job(self, node_id: str, job_id: str, actor: Actor) -> Job:
        """Return one task."""
        return await self._job(node_id, call_of("GET", f"{JOBS}/{job_id}", actor))

    async def results(self, node_id: str, job_id: str, query: ResultQuery, actor: Actor) -> Page[JobRow]:
        """Return results of a task in their order."""
        asked = {"limit": str(query.limit), **({"after": query.after} if query.after else {})}
        call = call_of("GET", f"{JOBS}/{job_id}/results", actor, query=asked)
        return await read_from(self.calls, self._reached(node_id), call, Page[JobRow])

    async def picture(self, node_id: str, job_id: str, number: int, actor: Actor) -> tuple[bytes, str]:
        """Return the picture of a result with its media type."""
        call = call_of("GET", f"{JOBS}/{job_id}/results/{number}/picture", actor)
        async with answered(self.calls, self._reached(node_id), call) as answer:
            content = await answer.read(limit_bytes=PICTURE_BYTES)
        told = answer.head.headers.get("Content-Type", "")
        return content, told if told in PICTURE_TYPES else "application/octet-stream"

    async def order(self, node_id: str, draft: JobDraft, actor: Actor) -> Job:
        """Put a task in line at an appliance."""
        content = draft.model_dump_json().encode()
        upload = Upload(size_bytes=len(content), content_type="application/json")
        call = call_of("POST", JOBS, actor, upload=upload)
        job = await read_from(self.calls, self._reached(node_id), call, Job, _pieces(content))
        await self._note(actor, "picture_job.order", node_id, {"job": job.id, "algorithm": draft.algorithm_id})
        return job

    async def act(self, node_id: str, job_id: str, act: Act, actor: Actor) -> Job:
        """Stop a task, let it go on, or order it once more."""
        job = await self._job(node_id, call_of("POST", f"{JOBS}/{job_id}/{act}", actor))
        await self._note(actor, f"picture_job.{act}", node_id, {"job": job_id})
        return job

    async def remove(self, node_id: str, job_id: str, actor: Actor) -> None:
        """Forget a task with its results."""
        async with answered(self.calls, self._reached(node_id), call_of("DELETE", f"{JOBS}/{job_id}", actor)):
            pass
        await self._note(actor, "picture_job.remove", node_id, {"job": job_id})

    async def take(
        self, node_id: str, place: str, size_bytes: int, body: AsyncIterator[bytes], actor: Actor
    ) -> FootageItem:
        """Bring a picture or a film to a `place`, batch and quoted name, of an appliance; that says what it takes."""
        upload = Upload(size_bytes=size_bytes, content_type="application/octet-stream")
        call = call_of("PUT", f"/api/v1/footage/uploads/{place}", actor, upload=upload)
        item = await read_from(self.calls, self._reached(node_id), call, FootageItem, body)
        await self._note(actor, "footage.upload", node_id, {"name": item.name, "bytes": item.size_bytes})
        return item

    async def _job(self, node_id: str, call: NodeCall) -> Job:
        return await read_from(self.calls, self._reached(node_id), call, Job)

    def _reached(self, node_id: str) -> str:
        node = self.roster.get(node_id)
        if node is None:
            raise not_found("node", node_id)
        if not node.online:
            text = "The appliance cannot be reached now; its picture tasks go on there. Look at its link."
            raise Problem(503, "box_unreachable", text)
        return node_id

    async def _note(self, actor: Actor, action: str, node_id: str, detail: dict[str, Any]) -> None:
        subject = f"node:{node_id}"
        await self.database.run(lambda connection: record(connection, actor, action, subject, detail))


async def _pieces(content: bytes) -> AsyncIterator[bytes]:
    for first in range(0, len(content), PIECE_BYTES):
        yield content[first : first + PIECE_BYTES]
