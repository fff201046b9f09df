"""Snapshot plans and their pictures as they go over the wire."""

from typing import Literal

from pydantic import AwareDatetime, Field

from federation.captures import Target, TargetDraft
from federation.http import Input, Output, PageQuery
from federation.messages import Aim, PlanAlgorithm, PlanCalendar, Round, Slug


class CapturePlanDraft(Input):
    """Pictures that shall be taken of points again and again while the calendar is open."""

    name: str = Field(min_length=1, max_length=100)
    enabled: bool = True
    every_s: int = Field(ge=10, le=86_400, description="each point's turn comes so often, always at the same phase")
    calendar: PlanCalendar = PlanCalendar()
    rounds: tuple[Round, ...] = Field(min_length=1, max_length=10_000, description="each point once")
    target: TargetDraft | None = Field(default=None, description="where each picture goes besides the hub")
    algorithm: PlanAlgorithm | None = Field(
        default=None,
        description="one with a model that looks at the pictures, at the appliance, up to 100 in one picture task",
    )


class CapturePlanRow(Output):
    """A plan as lists show it; of `points_away` no appliance takes care now."""

    plan_id: str
    name: str
    enabled: bool
    every_s: int
    calendar: PlanCalendar
    points: int
    points_away: int
    pictures: int = Field(description="each time")
    works: bool = Field(description="whether its calendar is open now")
    done_last_hour: int
    failed_last_hour: int


class CapturePlanDetail(Output):
    """One plan with all its rounds."""

    plan_id: str
    name: str
    enabled: bool
    every_s: int
    calendar: PlanCalendar
    rounds: tuple[Round, ...]
    target: Target | None
    algorithm: PlanAlgorithm | None


class Capture(Output):
    """One picture that was taken, or failed or is gone for the `reason`: a stable code, a colon and a sentence."""

    id: str
    plan_id: str
    plan_name: str = Field(description="empty once the plan is gone")
    point_id: str
    point_name: str
    node_id: str
    state: Literal["done", "failed"]
    reason: str
    aim: Aim | None
    asked_at: AwareDatetime
    taken_at: AwareDatetime | None = Field(description="when the camera's picture reached the appliance")
    settled_at: AwareDatetime
    received_at: AwareDatetime
    picture_url: str | None = Field(description="absent while the picture is on its way, or gone for the reason")
    size_bytes: int
    width_px: int
    height_px: int


class CaptureQuery(PageQuery):
    """Filters of the pictures, those that came last first."""

    after: str | None = Field(default=None, pattern=r"^\d{1,18}$", description="`next` of the page before")
    plan_id: Slug | None = None
    point_id: Slug | None = None
    state: Literal["done", "failed"] | None = None
