"""What the hub wants of an appliance: complete, versioned documents, one for each shard."""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import AwareDatetime, Field, JsonValue, StringConstraints

from federation.messages.calendar import Calendar, TimeZone, Window, zone
from federation.messages.capture import CapturePlan
from federation.messages.geometry import Line, Polygon, Scene, Scenes
from federation.messages.identifiers import Digest, Slug
from federation.messages.recording import OnvifUrl, RecordingSpec
from federation.messages.wire import WireModel

StreamUrl = Annotated[
    str, StringConstraints(pattern=r"^((rtsps?|rtmps?|https?)://[^@\s]+|file:[^\s]+)$", max_length=500)
]
"""Where a stream is: RTSP, RTMP, HTTP (FLV, HLS, MJPEG) or a file of the box's footage, without user information."""


class Shard(StrEnum):
    """Parts of what is wanted that change apart from each other: a new task sends no policy again."""

    WORK = "work"
    POLICY = "policy"
    CAPTURES = "captures"


class CameraSpec(WireModel):
    """How to pull one point's stream; credentials stand beside the URL, never inside it."""

    point_id: Slug
    name: str
    url: str = Field(description="rtsp, rtsps, rtmp, http, https or file, without user information")
    username: str = ""
    password: str = Field(default="", repr=False)
    transport: str = Field(default="auto", description="tcp, udp, or auto: TCP, and UDP where the camera refuses it")
    trust: str = Field(
        default="verify",
        description="which certificate of an rtsps:// camera is good: verify (by the box's authorities), none (any), "
        "or sha256: and the certificate's fingerprint in hex",
    )
    recording: RecordingSpec | None = Field(default=None, description="absent: as the appliance's kind has it")
    pull: Literal["always", "asked"] = Field(
        default="always", description="always, or asked: only while something needs its stream, such as a snapshot"
    )
    onvif_url: OnvifUrl = Field(default="", description="its ONVIF device service, by which it is turned")
    turns: bool = Field(default=False, description="whether it can be turned: another scene is then no fault")
    still: Literal["stream", "onvif"] = Field(
        default="stream", description="where snapshots come from: its stream's key frames, or a picture asked by ONVIF"
    )


class LicenceTerm(WireModel):
    """From when a vendor's licence allows to use an algorithm, and until when: `ends` counts out."""

    number: str
    begins: AwareDatetime
    ends: AwareDatetime | None = Field(default=None, description="absent: for good")

    def in_force(self, now: datetime) -> bool:
        """Tell whether it counts at `now`."""
        return self.begins <= now and (self.ends is None or now < self.ends)


class PackageRef(WireModel):
    """An algorithm package by name, version and digest; built-in ones have no digest."""

    algorithm_id: str
    version: str
    digest: Digest | None = None
    size_bytes: int = 0
    licences: tuple[LicenceTerm, ...] | None = Field(
        default=None, description="of its vendor, as entered at the hub, at most 64; absent: it needs none"
    )


class OnCut(WireModel):
    """What becomes of a task while its appliance and the hub do not hear each other; by default it goes on.

    With `fence_after_s` the appliance itself stops the task so long after the hub last confirmed it, and starts it
    again once the hub confirms it anew: for what must never run twice, such as a camera's patrol.
    With `move_after_s` the hub gives the task to another appliance after so long a silence, if a witness or an
    operator says that the appliance is dead, or if the task has certainly fenced itself.
    """

    fence_after_s: float | None = Field(default=None, ge=5, le=86_400, description="the appliance stops it, in s")
    move_after_s: float | None = Field(default=None, ge=5, le=86_400, description="the hub moves it, in s")


class TaskSpec(WireModel):
    """One algorithm at one point; `generation` grows with every new placement."""

    task_id: str
    generation: int = Field(ge=1)
    point_id: Slug
    algorithm_id: str
    algorithm_version: str
    region: Polygon | None = None
    masks: tuple[Polygon, ...] = Field(default=(), max_length=16, description="what lies in one of these is ignored")
    lines: tuple[Line, ...] = Field(default=(), max_length=16)
    scenes: Scenes = Field(default=(), description="what is drawn instead while the camera looks at a preset")
    parameters: dict[str, JsonValue] = Field(default_factory=dict)
    calendar: Calendar = Calendar()
    priority: int = Field(default=5, ge=1, le=9, description="9 is the most urgent")
    on_cut: OnCut = OnCut()

    @property
    def drawn(self) -> tuple[Scene, ...]:
        """What was drawn for this task: wherever the camera looks, and for its presets."""
        regions = () if self.region is None else (self.region,)
        return (Scene(regions=regions, masks=self.masks, lines=self.lines), *self.scenes)


class Bandwidth(Window):
    """A weekly window in which transfers may take so much of the link to the hub."""

    limit_kbps: int = Field(ge=0, le=100_000_000, description="kilobits per second, 0: no transfer")


class LinkPolicy(WireModel):
    """How an appliance uses its link to the hub."""

    beat_every_s: float = Field(default=10.0, ge=0.2, le=60, description="how often it shows that it lives, in s")
    report_every_s: float = Field(default=10.0, ge=1, le=3600, description="its figures at least so often, in s")
    metrics_every_s: float = Field(default=10.0, ge=1, le=300, description="how often it says how busy it is, in s")
    bandwidth: tuple[Bandwidth, ...] = Field(default=(), max_length=32, description="outside of all there is no limit")
    timezone: TimeZone = Field(default="Asia/Shanghai", description="of the windows")

    def limit_kbps(self, at: datetime) -> int | None:
        """Return what transfers may take at the aware moment `at`, the least of all windows; None: no limit."""
        local = at.astimezone(zone(self.timezone))
        return min((window.limit_kbps for window in self.bandwidth if window.covers(local)), default=None)


class DesiredDocument(WireModel):
    """What every document says of itself. A lower `hub_epoch`, or version within it, is ignored."""

    shard: Shard
    node_id: Slug
    hub_epoch: int = Field(ge=1)
    version: int = Field(ge=1)
    issued_at: AwareDatetime

    @property
    def order(self) -> tuple[int, int]:
        """What makes one document newer than another of its shard."""
        return (self.hub_epoch, self.version)


class DesiredWork(DesiredDocument):
    """All cameras, packages and tasks of an appliance."""

    shard: Literal[Shard.WORK] = Shard.WORK
    cameras: tuple[CameraSpec, ...] = ()
    packages: tuple[PackageRef, ...] = ()
    tasks: tuple[TaskSpec, ...] = ()


class DesiredPolicy(DesiredDocument):
    """How the appliance shall use its link."""

    shard: Literal[Shard.POLICY] = Shard.POLICY
    link: LinkPolicy = LinkPolicy()


class DesiredCaptures(DesiredDocument):
    """Of which points the appliance shall take snapshots, and when (抓图计划)."""

    shard: Literal[Shard.CAPTURES] = Shard.CAPTURES
    plans: tuple[CapturePlan, ...] = ()


DOCUMENTS: Mapping[Shard, type[DesiredDocument]] = {
    Shard.WORK: DesiredWork,
    Shard.POLICY: DesiredPolicy,
    Shard.CAPTURES: DesiredCaptures,
}


class AppliedVersion(WireModel):
    """Which document of a shard an appliance follows."""

    hub_epoch: int = Field(ge=1)
    version: int = Field(ge=1)
    issued_at: AwareDatetime

    @property
    def order(self) -> tuple[int, int]:
        """The order of the document."""
        return (self.hub_epoch, self.version)


Applied = dict[Shard, AppliedVersion]
"""What an appliance follows of each shard; absent: nothing yet."""
