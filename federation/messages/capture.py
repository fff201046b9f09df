"""Snapshots (抓图): how the camera is turned for one, and what of the picture is kept."""

from datetime import date, datetime
from typing import Annotated, Literal

from pydantic import AfterValidator, AwareDatetime, Field, StringConstraints

from federation.messages.calendar import Calendar, Hours, zone
from federation.messages.geometry import Box
from federation.messages.identifiers import Digest, PresetToken, Slug
from federation.messages.wire import WireModel

SMALLEST_SIDE = 0.02
"""Of a region, as a share of the picture: less would be a few pixels."""

ROUNDED_ONE = 1.0001

Angle = Annotated[float, Field(ge=-1.0, le=1.0)]


class PresetAim(WireModel):
    """A place that the camera remembers (预置位), by the token that the camera gave it."""

    kind: Literal["preset"] = "preset"
    preset: PresetToken


class PositionAim(WireModel):
    """A position in the camera's own generic spaces: pan and tilt from -1 to 1, zoom from 0 to 1."""

    kind: Literal["position"] = "position"
    pan: Angle = 0.0
    tilt: Angle = 0.0
    zoom: float = Field(default=0.0, ge=0.0, le=1.0)


class WayAim(WireModel):
    """A way from where the camera looks now, in the same spaces; zoom goes from -1 to 1."""

    kind: Literal["way"] = "way"
    pan: Angle = 0.0
    tilt: Angle = 0.0
    zoom: Angle = 0.0


Aim = Annotated[PresetAim | PositionAim | WayAim, Field(discriminator="kind")]


def _is_of_use(region: Box) -> Box:
    if min(region.width, region.height) < SMALLEST_SIDE:
        msg = f"a region is at least {SMALLEST_SIDE} of the picture wide and high"
        raise ValueError(msg)
    if region.x + region.width > ROUNDED_ONE or region.y + region.height > ROUNDED_ONE:
        msg = "a region lies within the picture: x + width and y + height are 1 at most"
        raise ValueError(msg)
    return region


Region = Annotated[Box, AfterValidator(_is_of_use)]
"""A part of the picture that is kept in its full resolution (区域缩放)."""


class Want(WireModel):
    """What picture is wanted of a camera: as it looks now, or turned by `aim`; whole, or a `region` of it."""

    aim: Aim | None = None
    region: Region | None = None


class SpecialDay(WireModel):
    """A day that is an exception from the weekly windows: it has hours of its own, or none at all."""

    day: date
    hours: tuple[Hours, ...] = Field(default=(), max_length=8)


class PlanCalendar(Calendar):
    """Weekly windows, and days that are exceptions from them."""

    special: tuple[SpecialDay, ...] = Field(default=(), max_length=64)

    def is_open(self, at: datetime) -> bool:
        """Tell whether something is to be done at the aware moment `at`."""
        local = at.astimezone(zone(self.timezone))
        for special in self.special:
            if special.day == local.date():
                return any(hours.holds(local.time()) for hours in special.hours)
        return super().is_open(at)


class Stop(WireModel):
    """One picture of a round; a camera that was turned for it rests for `dwell_s` before it is taken (巡航停留)."""

    aim: PresetAim | PositionAim | None = Field(default=None, discriminator="kind")
    region: Region | None = None
    dwell_s: float = Field(default=0.0, ge=0, le=600)

    @property
    def want(self) -> Want:
        """What picture that is."""
        return Want(aim=self.aim, region=self.region)


class Round(WireModel):
    """What a plan takes of one camera each time: a picture as it looks, or one at each stop in order (巡航)."""

    point_id: Slug
    stops: tuple[Stop, ...] = Field(default=(Stop(),), min_length=1, max_length=64)


TargetUrl = Annotated[str, StringConstraints(pattern=r"^https?://[^\s/@?#]+(/[^\s@#]*)?$", max_length=500)]
"""Of a service that takes pictures, without user information; `{point}` and `{snapshot}` stand for their ids."""


class CaptureTarget(WireModel):
    """An HTTP service to which every picture of a plan goes: its JPEG as the body, who and when in the headers."""

    url: TargetUrl
    method: Literal["POST", "PUT"] = "POST"
    token: str = Field(default="", max_length=512, pattern=r"^[\x21-\x7e]*$", repr=False, description="bearer token")


class PlanAlgorithm(WireModel):
    """An algorithm that looks at every picture of a plan, in picture tasks (图片任务) of the box that took it."""

    algorithm_id: Slug
    version: str = Field(min_length=1, max_length=64)


class CapturePlan(WireModel):
    """Pictures that are taken again and again (抓图计划): every `every_s` seconds while the calendar is open."""

    plan_id: Slug
    name: str = Field(min_length=1, max_length=100)
    enabled: bool = True
    every_s: int = Field(ge=10, le=86_400)
    calendar: PlanCalendar = PlanCalendar()
    rounds: tuple[Round, ...] = Field(min_length=1, max_length=10_000)
    target: CaptureTarget | None = Field(default=None, description="where pictures go besides the box's own store")
    algorithm: PlanAlgorithm | None = Field(default=None, description="who looks at the pictures, besides")


class SnapshotTold(WireModel):
    """What a box tells its hub of a snapshot that the hub's plan asked for; the picture itself follows by HTTP.

    It is the detail of a result of type `snapshot`, whose id is that of the snapshot and whose time is when it was
    settled. `reason` says why there is no picture: a stable code, a colon and a sentence.
    """

    plan_id: Slug
    point_id: Slug
    aim: PresetAim | PositionAim | WayAim | None = Field(default=None, discriminator="kind")
    asked_at: AwareDatetime
    taken_at: AwareDatetime | None = None
    reason: str = Field(default="", max_length=300)
    digest: Digest | None = None
    size_bytes: int = Field(default=0, ge=0, le=1 << 40)
    width_px: int = Field(default=0, ge=0, le=100_000)
    height_px: int = Field(default=0, ge=0, le=100_000)


SNAPSHOT_RESULT = "snapshot"
"""The type of the results that tell of snapshots."""


class SnapshotGone(WireModel):
    """What a box tells of a snapshot that it has told of, and whose picture its hub will never get: the reason.

    It is the detail of a result of type `snapshot.gone`, which comes after the word on the snapshot.
    """

    snapshot_id: str = Field(pattern=r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")
    reason: str = Field(min_length=1, max_length=300, description="a stable code, a colon and a sentence")


SNAPSHOT_GONE_RESULT = "snapshot.gone"
"""The type of those results."""
