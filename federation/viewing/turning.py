"""Turning a camera (云台) as it goes over HTTP, the same at the box that commands it and at its hub."""

from typing import Annotated, Literal

from pydantic import Field

from federation.http import Input, Output

Share = Annotated[float, Field(ge=-1.0, le=1.0)]


class KeepTurning(Input):
    """Turn with a speed, in shares of the fastest; it ends by itself after `for_s` seconds, or with `stop`."""

    kind: Literal["move"]
    pan: Share = 0.0
    tilt: Share = 0.0
    zoom: Share = 0.0
    for_s: float = Field(default=2.0, ge=0.1, le=10.0)


class StopTurning(Input):
    """End every movement."""

    kind: Literal["stop"]


class GoToPreset(Input):
    """Turn to a remembered place."""

    kind: Literal["preset"]
    preset: str = Field(min_length=1, max_length=64)


class Turn(Input):
    """What a camera shall do now."""

    order: KeepTurning | StopTurning | GoToPreset = Field(discriminator="kind")


class PresetRow(Output):
    """A place that a camera remembers (预置位)."""

    preset: str
    name: str
