"""What the panel's API says and takes."""

from pydantic import AwareDatetime, Field, JsonValue

from federation.http import Input, Output, PageQuery
from federation.messages import (
    BoxNotice,
    DatabaseSetAside,
    Detection,
    Lane,
    LaneReport,
    Line,
    Polygon,
    Slug,
    TaskReport,
)
from federation.packages.licences import LicenceState


class CertificateStatus(Output):
    """The certificate by which the hub knows this box."""

    fingerprint: str = Field(description="SHA-256 of the box's public key, in groups of four")
    obtained_at: AwareDatetime
    expires_at: AwareDatetime


class JoiningStatus(Output):
    """A bundle by which the box tries to join; `refused` means that it is not tried again, `reason` says why."""

    hub_url: str
    hub_name: str
    failures: int
    refused: bool
    code: str
    reason: str


class ClaimStatus(Output):
    """What a hub has to be told to claim this box; with `locked_s` no code is looked at for so long."""

    serial: str
    url: str
    fingerprint: str = Field(description="SHA-256 of the box's public key, in groups of four")
    code: str = Field(description="eight characters in two groups; another one after each use")
    locked_s: float


class LinkStatus(Output):
    """The link to the hub, as the box sees it; `refusal` is the hub's answer to the last wish for a certificate."""

    enrolled: bool
    hub_url: str
    hub_name: str
    certificate: CertificateStatus | None
    refusal: str
    claimable: bool
    joining: JoiningStatus | None
    connected: bool
    connected_since: AwareDatetime | None
    last_ack_age_s: float | None


class LaneGap(Output):
    """Numbers whose rows this box has given up; the hub is told the same."""

    first: int
    last: int
    reason: str
    at: AwareDatetime


class LaneWay(Output):
    """One lane on its way to the hub. `gaps` are the newest ones that are still known."""

    lane: Lane
    epoch: str
    produced: int = Field(description="highest number given")
    acknowledged: int = Field(description="highest number that the hub has committed")
    backlog: int
    given_up: int
    oldest_waiting_at: AwareDatetime | None = Field(description="when the oldest thing that waits happened")
    credit: int = Field(description="rows that the hub lets fly at once, 0 without a link")
    last_ack_age_s: float | None
    gaps: tuple[LaneGap, ...]


class LinkWay(Output):
    """The link to the hub and every lane that goes over it."""

    link: LinkStatus
    evidence_backlog: int
    lanes: tuple[LaneWay, ...]


class ProcessStatus(Output):
    """One process of the box; `report_age_s` is None for the agent itself."""

    name: str
    alive: bool
    pid: int | None
    report_age_s: float | None


class Status(Output):
    """Everything the overview page shows."""

    node_id: str
    serial: str
    profile: str
    profile_name_zh: str
    profile_name_en: str
    software: str
    started_at: AwareDatetime
    link: LinkStatus
    lanes: tuple[LaneReport, ...]
    evidence_backlog: int
    processes: tuple[ProcessStatus, ...]
    restarts: int
    set_aside: tuple[DatabaseSetAside, ...]
    notices: tuple[BoxNotice, ...]
    cpu_share: float
    memory_share: float
    disk_share: float


class Task(Output):
    """A task with its state."""

    task_id: str
    point_id: str
    algorithm_id: str
    algorithm_version: str
    algorithm_name_zh: str
    algorithm_name_en: str
    region: Polygon | None
    priority: int
    local: bool
    report: TaskReport


class TaskDraft(Input):
    """A task to add on this box, with a built-in algorithm."""

    point_id: Slug
    algorithm_id: str = Field(max_length=64)
    region: Polygon | None = None
    masks: tuple[Polygon, ...] = Field(default=(), max_length=16)
    lines: tuple[Line, ...] = Field(default=(), max_length=16)
    parameters: dict[str, JsonValue] = Field(default_factory=dict)


class EventName(Output):
    """A kind of event that an algorithm reports."""

    code: str
    name_zh: str
    name_en: str


class AlgorithmLicence(Output):
    """How an algorithm stands with its vendor, as far as the hub has told this box; `free` needs no licence."""

    state: LicenceState
    ends: AwareDatetime | None = Field(description="when the last licence ends, or ended; none: for good")


class Algorithm(Output):
    """An algorithm on this box; tasks that are made here take one that is built in."""

    id: str
    version: str
    built_in: bool
    name_zh: str
    name_en: str
    events: tuple[EventName, ...]
    licence: AlgorithmLicence
    needs_region: bool
    needs_line: bool
    parameters_schema: dict[str, JsonValue]


class EventPicture(Output):
    """A picture of an event; `state` is waiting, sent, lost or dropped."""

    digest: str
    url: str
    state: str


class EventRow(Output):
    """One event of this box's own record."""

    id: str
    type: str
    type_name_zh: str
    type_name_en: str
    point_id: str
    algorithm_id: str
    task_id: str
    time: AwareDatetime
    score: float
    dwell_s: float
    detections: tuple[Detection, ...]
    region: Polygon | None
    preset: str | None = Field(description="at which preset it was judged; absent: at none, or it is not known")
    preset_name: str = Field(description="as the camera calls it; empty where not known")
    sent: bool
    pictures: tuple[EventPicture, ...]


class EventQuery(PageQuery):
    """Filters of the event list, newest first."""

    after: str | None = Field(default=None, pattern=r"^\d{1,18}$", description="`next` of the page before")
    type: str | None = Field(default=None, max_length=128)
    point_id: Slug | None = None
