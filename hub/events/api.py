"""Routes of events, their pictures, and the gaps in what appliances handed over."""

from collections.abc import AsyncIterator, Sequence

from aiohttp import web

from federation.http import Access, Call, Page, Routes
from federation.messages import Digest
from hub.events.model import EventQuery, EventRow, Judgement
from hub.events.pictures import Pictures
from hub.events.service import EventLog
from hub.repository.model import EventKind
from hub.repository.service import Repository
from hub.security.audit import Actor
from hub.security.model import JUDGE, READ
from hub.spreadsheet import send

CHUNK_BYTES = 1 << 17
CAN_READ = Access(permission=READ)
CSV_HEADER = (
    "事件编号",
    "事件类型",
    "事件码",
    "映射事件码",
    "点位编号",
    "点位名称",
    "预置位",
    "委办单位",
    "节点",
    "算法",
    "发生时间",
    "接收时间",
    "置信度",
    "研判结果",
    "研判人",
    "研判时间",
    "备注",
)
VERDICTS = {"pending": "待核验", "true": "正报", "false": "误报", "skipped": "不核验"}


def routes(log: EventLog, pictures: Pictures, repository: Repository) -> Routes:
    """Return the operations on events and pictures."""
    part = Routes(tag="events")

    @part.get("/api/v1/events", access=CAN_READ)
    async def list_events(query: EventQuery) -> Page[EventRow]:
        """List events, newest first."""
        return await log.page(query)

    @part.get("/api/v1/events/export.csv", access=CAN_READ, produces="text/csv")
    async def export_events(call: Call, query: EventQuery) -> web.StreamResponse:
        """Export all events that match as CSV, newest first."""
        return await send(call, "events.csv", CSV_HEADER, _rows(log, query))

    @part.get("/api/v1/events/{event_id}", access=CAN_READ)
    async def get_event(event_id: str) -> EventRow:
        """Show one event."""
        return await log.get(event_id)

    @part.put("/api/v1/events/{event_id}/verdict", access=Access(permission=JUDGE))
    async def judge_event(call: Call, event_id: str, body: Judgement) -> EventRow:
        """Judge an event: 正报, 误报 or 不核验; `pending` takes an earlier verdict back."""
        return await log.judge(event_id, body, Actor.of(call))

    @part.get("/api/v1/event-types", access=CAN_READ)
    async def list_event_types() -> tuple[EventKind, ...]:
        """List every kind of event that is known, with its names."""
        return tuple(repository.event_kinds())

    @part.get("/api/v1/pictures/{digest}", access=CAN_READ, produces="image/jpeg")
    async def get_picture(digest: Digest) -> web.StreamResponse:
        """Give an evidence picture; 404 until it has arrived."""
        stored = await pictures.get(digest)
        headers = {"Content-Type": "image/jpeg", "Cache-Control": "private, max-age=31536000, immutable"}
        return web.FileResponse(stored.path, headers=headers)

    return part


def node_routes(pictures: Pictures) -> Routes:
    """Return the operation of the port for nodes by which pictures arrive."""
    part = Routes(tag="events")

    @part.put("/api/v1/pictures/{digest}", consumes="image/jpeg", status=204)
    async def put_picture(call: Call, digest: Digest) -> None:
        """Hand over an evidence picture, as often as the node likes."""
        await pictures.put(digest, aiter(call.request.content.iter_chunked(CHUNK_BYTES)), call.principal.id)

    return part


async def _rows(log: EventLog, query: EventQuery) -> AsyncIterator[Sequence[object]]:
    async for row in log.every(query):
        yield (
            row.id,
            row.type_name_zh,
            row.type,
            row.mapped_code or "",
            row.point_id,
            row.point_name,
            row.preset_name or row.preset or "",
            row.bureau,
            row.node_id,
            row.algorithm_id,
            row.time.isoformat(),
            row.received_at.isoformat(),
            row.score,
            VERDICTS[row.verdict.value],
            row.judged_by,
            row.judged_at.isoformat() if row.judged_at else None,
            row.note,
        )
