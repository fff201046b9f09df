"""Sample pictures of a package, and what its model must find in them."""

from typing import Annotated, Self

from pydantic import Field, StringConstraints, model_validator

from federation.packages.texts import ManifestPart

PackagePath = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_][A-Za-z0-9._-]*(/[A-Za-z0-9_][A-Za-z0-9._-]*)*$")]


class SampleObject(ManifestPart):
    """One thing that must be found: a label, and where it is, as x1, y1, x2, y2 in px of the sample."""

    label: str = Field(min_length=1, max_length=64)
    box: tuple[float, float, float, float] | None = Field(default=None, description="anywhere if absent")
    min_score: float = Field(default=0.5, gt=0, le=1)
    iou: float = Field(default=0.5, gt=0, lt=1, description="least overlap with the box")

    @model_validator(mode="after")
    def _box_has_an_area(self) -> Self:
        if self.box is not None and not (self.box[0] < self.box[2] and self.box[1] < self.box[3]):
            msg = "box is x1, y1, x2, y2: its second corner is right of and below the first"
            raise ValueError(msg)
        return self


class Sample(ManifestPart):
    """A picture and what must be found in it; without objects nothing that makes an event may be found."""

    file: PackagePath
    objects: tuple[SampleObject, ...] = Field(default=(), max_length=100)
