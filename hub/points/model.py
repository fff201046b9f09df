"""Points as they go over the wire."""

from typing import Annotated

from pydantic import AwareDatetime, Field, StringConstraints

from federation.http import Input, Output, PageQuery
from federation.messages import CameraState, OnvifUrl, PictureFault, RecordingReport, RecordingSpec, Slug, StreamUrl

GbCode = Annotated[str, StringConstraints(pattern=r"^[0-9]{20}$")]


class PointDraft(Input):
    """A point to create or replace; the camera's credentials stand beside its URL."""

    name: str = Field(min_length=1, max_length=100)
    gb_code: GbCode | None = Field(default=None, description="20-digit code of GB/T 28181")
    bureau: str = Field(default="", max_length=64, description="委办单位")
    division: str = Field(default="", max_length=64, description="行政区划")
    address: str = Field(default="", max_length=200)
    longitude: float | None = Field(default=None, ge=-180, le=180, description="WGS 84, degrees")
    latitude: float | None = Field(default=None, ge=-90, le=90, description="WGS 84, degrees")
    stream_url: StreamUrl
    username: str = Field(default="", max_length=64)
    password: str | None = Field(default=None, max_length=128, repr=False, description="absent keeps the present one")
    onvif_url: OnvifUrl = Field(default="", description="of its ONVIF device service, by which it is turned")


class NewPoint(PointDraft):
    """A point to create under a chosen id."""

    id: Slug


class Point(Output):
    """One point with what is known of its stream now."""

    id: Slug
    name: str
    gb_code: str | None
    bureau: str
    division: str
    address: str
    longitude: float | None
    latitude: float | None
    stream_url: str
    username: str
    has_password: bool
    onvif_url: str
    created_at: AwareDatetime
    updated_at: AwareDatetime
    camera_state: CameraState | None = Field(description="None while no appliance pulls it")
    camera_reason: str
    picture_faults: tuple[PictureFault, ...] = Field(
        description="what is wrong with its picture, as the appliance sees it"
    )
    node_id: str | None
    recording: RecordingSpec | None = Field(description="None: as the box that pulls it has it")
    recording_report: RecordingReport | None = Field(description="None while no appliance pulls it")
    tasks: int
    events_today: int


class PointQuery(PageQuery):
    """Filters of the point list."""

    text: str | None = Field(default=None, max_length=100, description="in name, id, code, address")
    bureau: str | None = Field(default=None, max_length=64)
    camera_state: CameraState | None = None
    picture_fault: PictureFault | None = Field(default=None, description="only points whose picture has this fault")


class PointRemoval(Input):
    """How to remove a point."""

    force: bool = Field(default=False, description="remove its tasks too")


class PointExport(Input):
    """In which language the header of an export stands."""

    lang: str = Field(default="zh", pattern="^(zh|en)$")


class Imported(Output):
    """What an import changed; points with a known id are replaced."""

    count: int
    created: int
    updated: int


class PointMap(Output):
    """Every point that has coordinates, by column; a state of None: no appliance pulls the point."""

    ids: tuple[str, ...]
    names: tuple[str, ...]
    longitudes: tuple[float, ...]
    latitudes: tuple[float, ...]
    states: tuple[CameraState | None, ...]
