"""What an algorithm needs in order to run: a model for every platform, and what it takes there."""

from platform import machine
from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from federation.packages.description import Capacity, Needs
from federation.packages.samples import PackagePath
from federation.packages.texts import ManifestPart

HERE = {"amd64": "x86_64", "arm64": "aarch64"}.get(machine().lower(), machine().lower())
"""The architecture of this machine, as `Platform.arch` names it."""

Sm3 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


class Backbone(ManifestPart):
    """A model that looks at the picture once for all algorithms that share it; the head of each takes its tensors."""

    file: PackagePath
    sm3: Sm3 = Field(description="SM3 of the file: by it a bundle says which backbone its algorithms share")
    ram_mb: int = Field(default=1024, ge=16, le=1 << 20, description="memory that it takes at most, MB")


class Platform(ManifestPart):
    """Where the algorithm runs; the first entry that a node satisfies is used."""

    platform: Literal["cpu", "cuda"] = "cpu"
    arch: Literal["any", "x86_64", "aarch64"] = "any"
    backend: Literal["onnxruntime", "opencv"]
    file: PackagePath | None = Field(default=None, description="the model; algorithms of the product itself have none")
    ram_mb: int = Field(default=1024, ge=16, le=1 << 20, description="memory that the model takes at most, MB")
    backbone: Backbone | None = Field(
        default=None, description="`file` is then a head: its inputs are outputs of the backbone, by name"
    )

    @property
    def files(self) -> tuple[str, ...]:
        """The models of this platform inside the package."""
        return tuple(file for file in (self.backbone and self.backbone.file, self.file) if file)

    @property
    def whole_ram_mb(self) -> int:
        """Memory that the algorithm takes where nobody shares its backbone, in MB."""
        return self.ram_mb + (self.backbone.ram_mb if self.backbone else 0)

    @model_validator(mode="after")
    def _model_where_needed(self) -> Self:
        if (self.backend == "onnxruntime") != (self.file is not None):
            msg = "backend onnxruntime needs a file, backend opencv has none"
            raise ValueError(msg)
        if self.backbone is not None and self.backbone.file == self.file:
            msg = "a backbone feeds a head: file names another model than backbone.file"
            raise ValueError(msg)
        return self


class Runtime(ManifestPart):
    """What the algorithm needs in order to run."""

    platforms: tuple[Platform, ...] = Field(default=(), max_length=16)
    needs: Needs = Needs()
    capacity: tuple[Capacity, ...] = Field(default=(), max_length=64)
