"""What an appliance says of itself: retained, replaced as a whole."""

from enum import StrEnum

from pydantic import AwareDatetime, Field

from federation.messages.desired import Applied
from federation.messages.identifiers import Digest, Slug
from federation.messages.recording import RecordingReport
from federation.messages.wire import WireModel


class CameraState(StrEnum):
    """What is known of a camera's stream."""

    CONNECTING = "connecting"
    LIVE = "live"
    STALLED = "stalled"
    REFUSED = "refused"
    UNREACHABLE = "unreachable"
    IDLE = "idle"  # not pulled, because nothing needs its stream now


class PictureFault(StrEnum):
    """What is wrong with a camera's picture 视频质量诊断."""

    BLACK = "black"
    FROZEN = "frozen"
    COVERED = "covered"
    BLURRED = "blurred"
    TOO_DARK = "too_dark"
    TOO_BRIGHT = "too_bright"
    COLOUR_CAST = "colour_cast"
    MOVED = "moved"  # another scene than the camera normally shows


class PictureReport(WireModel):
    """What is wrong with a camera's picture, and since when; nothing where it is good."""

    faults: tuple[PictureFault, ...] = ()
    since: AwareDatetime | None = Field(default=None, description="of the oldest fault")
    checked_at: AwareDatetime


class CameraReport(WireModel):
    """Health of one camera as its stream shows it; `reason` is a stable code with detail for people after a colon."""

    point_id: Slug
    state: CameraState
    reason: str = ""
    since: AwareDatetime | None = Field(default=None, description="when the state began")
    fps: float = Field(default=0.0, ge=0)
    bitrate_kbps: float = Field(default=0.0, ge=0)
    gop_s: float = Field(default=0.0, ge=0, description="seconds between key frames")
    key_frame_age_s: float | None = Field(default=None, ge=0)
    unit_age_s: float | None = Field(default=None, ge=0, description="since the last whole picture")
    loss_share: float = Field(default=0.0, ge=0, le=1, description="of the packets of the last minute")
    packets_lost: int = Field(default=0, ge=0)
    reconnects: int = Field(default=0, ge=0, description="how often it came back after it had been live")
    codec: str = Field(default="", description="h264, h265 or mjpeg")
    width_px: int = Field(default=0, ge=0)
    height_px: int = Field(default=0, ge=0)
    transport: str = Field(default="", description="tcp, udp, tls, or the name of another protocol")
    recording: RecordingReport | None = Field(default=None, description="absent where nothing is to be recorded")
    picture: PictureReport | None = Field(default=None, description="absent while it is not looked at")


class TaskState(StrEnum):
    """What an appliance does with a task."""

    STARTING = "starting"
    RUNNING = "running"
    WAITING = "waiting"  # outside its calendar
    FAILED = "failed"
    FENCED = "fenced"  # stopped by the appliance itself, because the hub does not confirm it


class TaskReport(WireModel):
    """State of one task; `reason` is a stable code with detail for people after a colon."""

    task_id: str
    generation: int = Field(ge=1)
    state: TaskState
    reason: str = ""
    frames: int = Field(default=0, ge=0, description="frames judged since the task started")
    events: int = Field(default=0, ge=0)


class ArtifactState(StrEnum):
    """What an appliance does about an artifact that it wants."""

    WAITING = "waiting"  # the reason says what for
    FETCHING = "fetching"
    CHECKING = "checking"
    HELD = "held"


class ArtifactReport(WireModel):
    """How far an artifact has come; `reason` is a stable code with detail for people after a colon.

    The three counts of bytes say where the bytes held came from: the hub, neighbours, or an older version here.
    """

    digest: Digest
    kind: Slug
    name: str
    version: str = ""
    size_bytes: int = Field(ge=0)
    held_bytes: int = Field(default=0, ge=0)
    state: ArtifactState
    reason: str = ""
    lacking_bytes: int = Field(default=0, ge=0, description="disk space to be freed before it can come")
    sources: tuple[str, ...] = Field(default=(), description="hub, or node ids, that give chunks now")
    speed_bytes: float = Field(default=0.0, ge=0, description="bytes a second over the last seconds")
    hub_bytes: int = Field(default=0, ge=0)
    neighbour_bytes: int = Field(default=0, ge=0)
    reused_bytes: int = Field(default=0, ge=0)


class LaneReport(WireModel):
    """How far the outbox of one lane has got."""

    lane: str
    produced: int = Field(ge=0, description="highest sequence number written")
    acknowledged: int = Field(ge=0, description="highest sequence number the hub has committed")
    given_up: int = Field(default=0, ge=0, description="numbers without a row, for want of room, that are still known")

    @property
    def backlog(self) -> int:
        """Rows written and not yet acknowledged."""
        return self.produced - self.acknowledged


class DatabaseSetAside(WireModel):
    """A database of the box that was damaged and still lies beside the one that took its place."""

    database: str = Field(max_length=32, description="appliance, recordings or captures")
    file: str = Field(max_length=120, description="its name in the box's data folder")
    at: AwareDatetime


class BoxNotice(WireModel):
    """Something about a box that somebody should look after; it is told for as long as it lasts."""

    code: str = Field(pattern=r"^[a-z_]{1,32}$", description="lanes_unwritten")
    since: AwareDatetime


class ReportedState(WireModel):
    """The whole state of an appliance; `applied` says which documents it follows.

    `refused` counts documents that were not taken, by the reason why, since the agent started.
    """

    node_id: Slug
    applied: Applied = Field(default_factory=dict)
    refused: dict[str, int] = Field(default_factory=dict)
    reported_at: AwareDatetime
    cameras: tuple[CameraReport, ...] = ()
    tasks: tuple[TaskReport, ...] = ()
    artifacts: tuple[ArtifactReport, ...] = ()
    lanes: tuple[LaneReport, ...] = ()
    evidence_backlog: int = Field(default=0, ge=0, description="pictures the hub has not stored yet")
    restarts: int = Field(default=0, ge=0, description="unplanned restarts of its processes since boot")
    set_aside: tuple[DatabaseSetAside, ...] = Field(default=(), max_length=64, description="oldest first")
    notices: tuple[BoxNotice, ...] = Field(default=(), max_length=16)
