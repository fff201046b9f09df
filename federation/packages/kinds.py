"""What the kinds of package beside `algorithm` hold: a bundle, an outside system, an image, a firmware."""

from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from federation.packages.description import AlgorithmId, Version, Word
from federation.packages.samples import PackagePath
from federation.packages.texts import ManifestPart

PackageKind = Literal["algorithm", "bundle", "endpoint", "prompt", "container", "device"]

OWN_PART: dict[PackageKind, str] = {
    "algorithm": "runtime",
    "bundle": "members",
    "endpoint": "endpoint",
    "prompt": "prompt",
    "container": "container",
    "device": "device",
}
"""The part that a package of this kind must have and no other may."""

PinnedImage = Annotated[
    str,
    StringConstraints(pattern=r"^[a-z0-9][a-z0-9._:-]*(/[a-z0-9][a-z0-9._-]*)+@sha256:[0-9a-f]{64}$", max_length=400),
]


class Member(ManifestPart):
    """An algorithm of a bundle."""

    id: AlgorithmId
    version: Version


class Container(ManifestPart):
    """A container image (算法镜像) that answers as an Endpoint does."""

    archive: PackagePath | None = Field(default=None, description="an OCI image layout as tar, in this package")
    image: PinnedImage | None = Field(default=None, description="name of an image, with its digest")
    port: int = Field(default=8080, ge=1, le=65535)
    health: str = Field(default="/healthz", pattern=r"^/[A-Za-z0-9._~/-]{0,200}$")
    protocol: Literal["http-v1"] = "http-v1"
    algorithm: AlgorithmId
    gpus: int = Field(default=0, ge=0, le=16)
    ram_mb: int = Field(default=1024, ge=16, le=1 << 20)

    @model_validator(mode="after")
    def _from_one_place(self) -> Self:
        if (self.archive is None) == (self.image is None):
            msg = "give archive (in the package) or image (name@sha256:digest)"
            raise ValueError(msg)
        return self


class Device(ManifestPart):
    """An algorithm that runs in a camera or recorder itself (前端算法)."""

    family: Literal["onvif", "hik_isapi", "dahua_http", "huawei_sdc"]
    models: tuple[Word, ...] = Field(min_length=1, max_length=200, description="types of device that take it")
    file: PackagePath = Field(description="what is given to the device")
    device_code: Word = Field(description="what the device calls the event")
