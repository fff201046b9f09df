"""Events as they go over the wire."""

from enum import StrEnum

from pydantic import AwareDatetime, Field

from federation.http import Input, Output, PageQuery
from federation.messages import ClockState, Detection, Polygon, Slug


class Verdict(StrEnum):
    """What a person judged: 待核验, 正报, 误报, 不核验."""

    PENDING = "pending"
    TRUE = "true"
    FALSE = "false"
    SKIPPED = "skipped"


class Picture(Output):
    """An evidence picture; `url` answers once it has arrived from the appliance."""

    digest: str
    url: str
    arrived: bool
    width_px: int
    height_px: int
    size_bytes: int


class EventOrigin(Output):
    """Where an event from a hub below was seen: the box there, and the names of the hubs that it passed."""

    node_id: str
    path: tuple[str, ...]


class EventRow(Output):
    """One event as list and detail show it; `cursor` is the hub's order of arrival.

    `clock` says how far its times can be believed. A `superseded` one came from a placement that another appliance had
    replaced when it arrived: both may have seen the same.
    """

    id: str
    cursor: int
    node_id: str
    origin: EventOrigin | None
    point_id: str
    point_name: str
    bureau: str
    type: str
    type_name_zh: str
    type_name_en: str
    mapped_code: str | None = Field(description="by which code others know its type, as was said when it came")
    mapped_name: str = Field(description="what that code is called; empty where nobody said")
    algorithm_id: str
    algorithm_version: str
    task_id: str
    time: AwareDatetime
    detected_at: AwareDatetime
    received_at: AwareDatetime
    clock: ClockState
    superseded: bool
    score: float
    dwell_s: float
    detections: tuple[Detection, ...]
    region: Polygon | None
    preset: str | None = Field(description="at which preset it was judged; absent: at none, or it is not known")
    preset_name: str = Field(description="as the camera calls it; empty where not known")
    pictures: tuple[Picture, ...]
    verdict: Verdict
    judged_by: str | None
    judged_at: AwareDatetime | None
    note: str


class EventQuery(PageQuery):
    """Filters of the event list, newest first."""

    type: str | None = Field(
        default=None, max_length=128, description="an event code; a parent's stands for its children"
    )
    mapped_code: str | None = Field(default=None, max_length=128, description="a code by which others know events")
    point_id: Slug | None = None
    node_id: Slug | None = None
    algorithm_id: str | None = Field(default=None, max_length=128)
    verdict: Verdict | None = None
    since: AwareDatetime | None = None
    until: AwareDatetime | None = None
    superseded: bool | None = None
    text: str | None = Field(default=None, max_length=100, description="in point name or event id")


class Judgement(Input):
    """A verdict on one event; `pending` takes an earlier one back."""

    verdict: Verdict
    note: str = Field(default="", max_length=500)
