"""Cameras as they go over the wire."""

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from federation.http import Input, Output
from federation.messages import CameraReport, OnvifUrl, PictureFault, RecordingSpec, StreamUrl

LocalName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9](?:[a-z0-9-]{0,46}[a-z0-9])?$")]
Transport = Literal["auto", "tcp", "udp"]
Trust = Annotated[str, StringConstraints(pattern=r"^(verify|none|sha256:[0-9a-f]{64})$")]


class Decoding(Output):
    """How much of a camera is decoded for its tasks: key frames, or every frame where those are rare."""

    level: Literal["keyframe", "full"]
    decoded: int
    failed: int


class Camera(Output):
    """A camera with its health; local ones were added on this box."""

    point_id: str
    name: str
    url: str
    username: str
    transport: str
    trust: str
    pull: Literal["always", "asked"]
    onvif_url: str
    turns: bool
    still: Literal["stream", "onvif"]
    local: bool
    report: CameraReport
    decoding: Decoding | None = Field(description="None while nobody looks at it")
    recording: RecordingSpec
    recording_set_by: Literal["hub", "box", "profile"]


class CameraSource(Input):
    """How a camera is pulled."""

    url: StreamUrl
    username: str = Field(default="", max_length=64)
    password: str | None = Field(
        default=None, max_length=128, repr=False, description="absent keeps the present one, where there is one"
    )
    transport: Transport = Field(default="auto", description="auto: TCP, and UDP where the camera refuses it")
    trust: Trust = Field(
        default="verify",
        description="which certificate of an rtsps:// camera is good: verify (by the box's authorities), none (any), "
        "or sha256: and its fingerprint",
    )
    pull: Literal["always", "asked"] = Field(
        default="always", description="asked: only while something needs its stream, such as a snapshot"
    )
    onvif_url: OnvifUrl = Field(default="", description="of its device service, by which it is turned; empty: none")
    turns: bool = Field(default=False, description="whether it has pan, tilt or zoom")
    still: Literal["stream", "onvif"] = Field(
        default="stream", description="where snapshots come from: key frames of the stream, or asked for by ONVIF"
    )


class CameraChange(CameraSource):
    """What a camera of this box shall be from now on."""

    name: str = Field(min_length=1, max_length=100)


class CameraDraft(CameraChange):
    """A camera to add on this box; its id becomes `local-{id}`."""

    id: LocalName


class CameraTry(CameraSource):
    """A camera to try; without a password that of `point_id` is used, if it is a camera of this box."""

    point_id: str | None = Field(default=None, max_length=64)


class Tried(Output):
    """What one try of a camera brought: its first picture, or why there is none."""

    code: str = Field(description="stable reason, empty where a picture came")
    detail: str
    codec: str
    width_px: int
    height_px: int
    transport: str
    certificate: str = Field(description="where the camera's certificate is not trusted: sha256: and its fingerprint")
    faults: tuple[PictureFault, ...] = Field(description="what is suspected of the first picture")
    picture: str | None = Field(description="JPEG in Base64; None if none came, or it cannot be decoded")


class Imported(Output):
    """How many cameras an import added, and how many it replaced."""

    added: int
    replaced: int


class CameraView(Output):
    """Where a camera looks; without a preset it is elsewhere, or nobody knows."""

    turning: bool
    preset: str | None
