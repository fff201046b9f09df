"""Routes of the tasks."""

from collections.abc import AsyncIterator, Sequence

from aiohttp import web

from federation.http import Access, Call, Page, Routes
from hub.scheduling.model import Acted, Task, TaskDraft, TaskIds, TaskQuery, TaskSettings
from hub.scheduling.service import Scheduler
from hub.security.audit import Actor
from hub.security.model import OPERATE, READ
from hub.spreadsheet import send

CAN_READ = Access(permission=READ)
CAN_OPERATE = Access(permission=OPERATE)
CSV_HEADER = (
    "任务编号",
    "任务名称",
    "点位编号",
    "点位名称",
    "算法",
    "优先级",
    "状态",
    "原因",
    "节点",
    "事件数",
    "创建人",
    "创建时间",
)
STATUSES = {
    "stopped": "已停止",
    "unplaced": "待分配",
    "starting": "启动中",
    "running": "运行中",
    "waiting": "等待中",
    "failed": "异常",
    "fenced": "已自停",
    "unreachable": "节点失联",
}


def routes(scheduler: Scheduler) -> Routes:
    """Return the operations on tasks."""
    part = Routes(tag="tasks")

    @part.get("/api/v1/tasks", access=CAN_READ)
    async def list_tasks(query: TaskQuery) -> Page[Task]:
        """List tasks, newest first."""
        return await scheduler.page(query)

    @part.post("/api/v1/tasks", access=CAN_OPERATE, status=201)
    async def create_tasks(call: Call, body: TaskDraft) -> tuple[Task, ...]:
        """Make one task for every point and algorithm named."""
        return await scheduler.create(body, Actor.of(call))

    @part.get("/api/v1/tasks/export.csv", access=CAN_READ, produces="text/csv")
    async def export_tasks(call: Call, query: TaskQuery) -> web.StreamResponse:
        """Export all tasks that match as CSV."""
        return await send(call, "tasks.csv", CSV_HEADER, _rows(scheduler, query))

    @part.post("/api/v1/tasks/start", access=CAN_OPERATE)
    async def start_tasks(call: Call, body: TaskIds) -> Acted:
        """Start tasks together."""
        return await scheduler.switch(body.ids, started=True, actor=Actor.of(call))

    @part.post("/api/v1/tasks/stop", access=CAN_OPERATE)
    async def stop_tasks(call: Call, body: TaskIds) -> Acted:
        """Stop tasks together."""
        return await scheduler.switch(body.ids, started=False, actor=Actor.of(call))

    @part.post("/api/v1/tasks/delete", access=CAN_OPERATE)
    async def remove_tasks(call: Call, body: TaskIds) -> Acted:
        """Remove tasks together; their events stay."""
        return await scheduler.remove(body.ids, Actor.of(call))

    @part.get("/api/v1/tasks/{task_id}", access=CAN_READ)
    async def get_task(task_id: str) -> Task:
        """Show one task."""
        return await scheduler.get(task_id)

    @part.patch("/api/v1/tasks/{task_id}", access=CAN_OPERATE)
    async def change_task(call: Call, task_id: str, body: TaskSettings) -> Task:
        """Change how a task works; absent fields stay."""
        return await scheduler.change(task_id, body, Actor.of(call))

    @part.delete("/api/v1/tasks/{task_id}", access=CAN_OPERATE)
    async def remove_task(call: Call, task_id: str) -> None:
        """Remove a task; its events stay."""
        await scheduler.get(task_id)
        await scheduler.remove([task_id], Actor.of(call))

    return part


async def _rows(scheduler: Scheduler, query: TaskQuery) -> AsyncIterator[Sequence[object]]:
    async for task in scheduler.every(query):
        yield (
            task.id,
            task.name,
            task.point_id,
            task.point_name,
            task.algorithm_name_zh,
            task.priority,
            STATUSES[task.status.value],
            task.reason,
            task.node_id,
            task.events,
            task.created_by,
            task.created_at.isoformat(),
        )
