"""What the API of snapshots says and takes."""

from typing import Literal

from pydantic import AwareDatetime, Field

from appliance.capture.order import Origin
from federation.captures import PictureDraft, Target, TargetDraft
from federation.http import Input, Output, PageQuery
from federation.messages import Aim, Box, PlanAlgorithm, PlanCalendar, Round, Slug

MOST_ORDERS = 1_000


class SnapshotDraft(PictureDraft):
    """A picture that is wanted of a camera."""

    point_id: Slug


class SnapshotDrafts(Input):
    """Pictures that are wanted, to be taken one after the other; whoever asks looks later what became of them."""

    orders: tuple[SnapshotDraft, ...] = Field(min_length=1, max_length=MOST_ORDERS)


class SnapshotRow(Output):
    """One snapshot. `reason` says why there is no picture (yet): a stable code, a colon and a sentence."""

    id: str
    point_id: str
    plan_id: str
    origin: Origin
    aim: Aim | None
    region: Box | None
    state: Literal["waiting", "done", "failed"]
    attempts: int
    reason: str
    asked_at: AwareDatetime
    taken_at: AwareDatetime | None = Field(description="when the camera's picture reached the box")
    settled_at: AwareDatetime | None = Field(description="when its picture was safe, or it had failed for good")
    picture_url: str | None = Field(description="absent without a picture, and once it was removed")
    digest: str | None
    size_bytes: int
    width_px: int
    height_px: int
    delivery: Literal["none", "waiting", "done", "failed"] = Field(description="to the service that its plan names")
    delivery_reason: str = Field(description="why it is not there (yet)")
    analysis: Literal["none", "waiting", "done", "failed"] = Field(
        description="by the algorithm that its plan names; done once it is in a picture task"
    )
    analysis_task: str = Field(description="the id of that picture task; empty without one")
    analysis_reason: str = Field(description="why it is in none (yet)")


class SnapshotQuery(PageQuery):
    """Filters of the list of snapshots, the newest first."""

    after: str | None = Field(default=None, pattern=r"^\d{1,18}$", description="`next` of the page before")
    point_id: Slug | None = None
    plan_id: Slug | None = None
    state: Literal["waiting", "done", "failed"] | None = None


class SnapshotFigures(Output):
    """How snapshots go: of the last minute, of the last five for the times, and what waits and is held now."""

    taken_per_minute: int
    failed_per_minute: int
    p50_s: float | None = Field(description="from the order to the safe picture, half of them; absent without any")
    p95_s: float | None = Field(description="the same, 95 of 100")
    running: int
    waiting: dict[Origin, int]
    waiting_later: int = Field(description="orders in the index, those that are tried again among them")
    dropped: dict[Origin, int] = Field(description="orders that found no room, since the agent started")
    undelivered: int = Field(description="pictures that wait for the services to which they go")
    pictures: int
    pictures_bytes: int
    most_bytes: int
    paused: str = Field(description="why nothing is kept now; empty if it is")


class PlanDetail(Output):
    """One plan with all its rounds."""

    plan_id: str
    name: str
    enabled: bool
    every_s: int
    calendar: PlanCalendar
    rounds: tuple[Round, ...]
    target: Target | None
    algorithm: PlanAlgorithm | None


class PlanDraft(Input):
    """Pictures that shall be taken again and again while the calendar is open."""

    name: str = Field(min_length=1, max_length=100)
    enabled: bool = True
    every_s: int = Field(ge=10, le=86_400, description="each camera's turn comes so often, always at the same phase")
    calendar: PlanCalendar = PlanCalendar()
    rounds: tuple[Round, ...] = Field(min_length=1, max_length=10_000, description="each camera once")
    target: TargetDraft | None = Field(default=None, description="where each picture goes besides this box")
    algorithm: PlanAlgorithm | None = Field(
        default=None, description="an algorithm of this box that looks at the pictures, up to 100 in one picture task"
    )


class PlanRow(Output):
    """A plan as lists show it; `cameras_missing` of its cameras are not on this box (any more)."""

    plan_id: str
    name: str
    enabled: bool
    every_s: int
    calendar: PlanCalendar
    cameras: int
    cameras_missing: int
    pictures: int = Field(description="each time")
    works: bool = Field(description="whether its calendar is open now")
    of_hub: bool = Field(description="the hub has made it, and it cannot be changed here")
