"""What the hub wants of an appliance: one complete, versioned, retained document."""

from typing import Annotated

from pydantic import AwareDatetime, Field, JsonValue, StringConstraints

from federation.messages.calendar import Calendar
from federation.messages.geometry import Polygon
from federation.messages.identifiers import Digest, Slug
from federation.messages.recording import RecordingSpec
from federation.messages.wire import WireModel

StreamUrl = Annotated[
    str, StringConstraints(pattern=r"^((rtsps?|rtmps?|https?)://[^@\s]+|file:[^\s]+)$", max_length=500)
]
"""Where a stream is: RTSP, RTMP, HTTP (FLV, HLS, MJPEG) or a file of the box's footage, without user information."""


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


class PackageRef(WireModel):
    """An algorithm package by name, version and digest; built-in ones have no digest."""

    algorithm_id: str
    version: str
    digest: Digest | None = None
    size_bytes: int = 0


class TaskSpec(WireModel):
    """One algorithm at one point; `generation` grows with every new placement."""

    task_id: str
    generation: int = Field(ge=1)
    point_id: Slug
    algorithm_id: str
    algorithm_version: str
    region: Polygon | None = None
    parameters: dict[str, JsonValue] = Field(default_factory=dict)
    calendar: Calendar = Calendar()
    priority: int = Field(default=5, ge=1, le=9, description="9 is the most urgent")


class DesiredState(WireModel):
    """Everything an appliance shall do. A lower `hub_epoch`, or version within it, is ignored."""

    node_id: Slug
    hub_epoch: int = Field(ge=1)
    version: int = Field(ge=1)
    issued_at: AwareDatetime
    cameras: tuple[CameraSpec, ...] = ()
    packages: tuple[PackageRef, ...] = ()
    tasks: tuple[TaskSpec, ...] = ()

    @property
    def order(self) -> tuple[int, int]:
        """What makes one document newer than another."""
        return (self.hub_epoch, self.version)
