"""Tasks as they go over the wire."""

from enum import StrEnum
from typing import Any

from pydantic import AwareDatetime, Field, JsonValue

from federation.http import Input, Output, PageQuery
from federation.messages import Calendar, Line, OnCut, Polygon, Scene, Scenes, Slug


class TaskStatus(StrEnum):
    """State of a task: 已停止, 待分配, 启动中, 运行中, 等待中, 异常, 已自停, 节点失联."""

    STOPPED = "stopped"
    UNPLACED = "unplaced"
    STARTING = "starting"
    RUNNING = "running"
    WAITING = "waiting"
    FAILED = "failed"
    FENCED = "fenced"
    UNREACHABLE = "unreachable"


class TaskSettings(Input):
    """How an algorithm works at a point."""

    region: Polygon | None = Field(default=None, description="where it looks; absent: everywhere")
    masks: tuple[Polygon, ...] = Field(default=(), max_length=16, description="what lies in one of these is ignored")
    lines: tuple[Line, ...] = Field(default=(), max_length=16, description="what things cross")
    scenes: Scenes = Field(default=(), description="what is drawn instead while the camera looks at a preset, by name")
    parameters: dict[str, JsonValue] = Field(default_factory=dict)
    calendar: Calendar = Calendar()
    priority: int = Field(default=5, ge=1, le=9, description="9 is the most urgent")
    on_cut: OnCut = OnCut()


MOST_POINTS = 1000
MOST_ALGORITHMS = 30
"""Of one order, with those of a bundle each counted."""


class TaskDraft(TaskSettings):
    """One task for every point and algorithm named: at most 1,000 points, 30 algorithms."""

    name: str = Field(min_length=1, max_length=100)
    point_ids: tuple[Slug, ...] = Field(min_length=1, max_length=MOST_POINTS)
    algorithm_ids: tuple[str, ...] = Field(min_length=1, max_length=MOST_ALGORITHMS)
    started: bool = True


class Task(Output):
    """One algorithm at one point."""

    id: str
    name: str
    point_id: str
    point_name: str
    algorithm_id: str
    algorithm_version: str
    algorithm_name_zh: str
    algorithm_name_en: str
    region: Polygon | None
    masks: tuple[Polygon, ...]
    lines: tuple[Line, ...]
    scenes: tuple[Scene, ...]
    parameters: dict[str, Any]
    calendar: Calendar
    priority: int
    on_cut: OnCut
    started: bool
    status: TaskStatus
    reason: str
    node_id: str | None
    generation: int
    frames: int
    events: int
    created_at: AwareDatetime
    created_by: str


class TaskQuery(PageQuery):
    """Filters of the task list."""

    text: str | None = Field(default=None, max_length=100)
    point_id: Slug | None = None
    algorithm_id: str | None = Field(default=None, max_length=128)
    node_id: Slug | None = None
    status: TaskStatus | None = None


class TaskIds(Input):
    """Tasks to act on together."""

    ids: tuple[str, ...] = Field(min_length=1, max_length=1000)


class Acted(Output):
    """How many of the named tasks were acted on."""

    count: int
