"""Places in a picture, in shares of its width and height, so that they hold at every resolution."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from federation.messages.identifiers import PresetToken
from federation.messages.wire import WireModel

Share = Annotated[float, Field(ge=0.0, le=1.0)]

Polygon = Annotated[tuple[tuple[Share, Share], ...], Field(min_length=3, max_length=64)]
"""3 to 64 corners (x, y), each from 0 to 1, origin at the top left."""


LEAST_AREA = 1e-5
"""Of the picture, some 20 pixels of 1080p: what has less has been drawn by mistake."""


def area_of(corners: Polygon) -> float:
    """Return the area of a polygon as a share of the picture, by Gauss's shoelace formula; crossed parts cancel out."""
    following = (*corners[1:], corners[0])
    return abs(sum(x * next_y - next_x * y for (x, y), (next_x, next_y) in zip(corners, following, strict=True))) / 2


class Box(WireModel):
    """A rectangle: left, top, width and height as shares of the picture, 0 to 1."""

    x: Share
    y: Share
    width: Share
    height: Share


class Line(WireModel):
    """A line of 2 to 16 points (x, y) that things cross; who walks from its first point to its last has two sides."""

    points: Annotated[tuple[tuple[Share, Share], ...], Field(min_length=2, max_length=16)]
    counts: Literal["both", "to_right", "to_left"] = Field(
        default="both", description="which crossings count: to the walker's right, to the left, or both"
    )


class Shapes(WireModel):
    """What is drawn on a picture: where to look (nothing: everywhere), where not to, and lines that things cross."""

    regions: tuple[Polygon, ...] = Field(default=(), max_length=16)
    masks: tuple[Polygon, ...] = Field(default=(), max_length=16, description="what lies in one of these is ignored")
    lines: tuple[Line, ...] = Field(default=(), max_length=16)

    @property
    def is_empty(self) -> bool:
        """Tell whether nothing is drawn."""
        return not (self.regions or self.masks or self.lines)

    def undrawn(self) -> str:
        """Return which of the shapes nothing can lie in or cross, e.g. `lines.0`, the first of them; empty: none."""
        for kind, outlines in (("regions", self.regions), ("masks", self.masks)):
            for index, corners in enumerate(outlines):
                if area_of(corners) < LEAST_AREA:
                    return f"{kind}.{index}"
        for index, line in enumerate(self.lines):
            if len(set(line.points)) == 1:
                return f"lines.{index}"
        return ""


class Scene(Shapes):
    """What is drawn on what a camera shows: at a place that it remembers (预置位), or wherever it looks."""

    preset: PresetToken | None = Field(default=None, description="absent: at every view that has no scene of its own")


def _one_for_each(scenes: tuple[Scene, ...]) -> tuple[Scene, ...]:
    presets = [scene.preset for scene in scenes]
    if len(set(presets)) < len(presets):
        msg = "draw one scene for each preset, and one for all other views"
        raise ValueError(msg)
    return scenes


Scenes = Annotated[tuple[Scene, ...], Field(max_length=64), AfterValidator(_one_for_each)]
"""Drawings for the views of one camera, one for each."""
