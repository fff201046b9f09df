"""Snapshots (抓图): how the camera is turned for one, and what of the picture is kept."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, StringConstraints

from federation.messages.geometry import Box
from federation.messages.wire import WireModel

SMALLEST_SIDE = 0.02
"""Of a region, as a share of the picture: less would be a few pixels."""

ROUNDED_ONE = 1.0001

PresetToken = Annotated[str, StringConstraints(min_length=1, max_length=64)]
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
