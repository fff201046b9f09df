"""What a package says of its algorithm for people: where it fits, what it needs, what it is worth."""

from datetime import date
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from federation.packages.samples import PackagePath
from federation.packages.texts import ManifestPart, Text

AlgorithmId = Annotated[str, StringConstraints(pattern=r"^[a-z0-9](?:[a-z0-9._-]{0,62}[a-z0-9])?$")]
Version = Annotated[str, StringConstraints(pattern=r"^(0|[1-9][0-9]{0,5})(\.(0|[1-9][0-9]{0,5})){2}$")]
Word = Annotated[str, StringConstraints(min_length=1, max_length=128)]
Words = Annotated[tuple[Word, ...], Field(max_length=100)]


class Vendor(ManifestPart):
    """Who made the algorithm (来源厂商)."""

    id: AlgorithmId
    name: Text
    contact: str = Field(default="", max_length=200)


class Classification(ManifestPart):
    """What the algorithm looks at and for, for finding it in the repository."""

    analysis: Literal[
        "detection",
        "behaviour",
        "classification",
        "multilabel",
        "segmentation",
        "instance",
        "pose",
        "ocr",
        "embedding",
    ] = "detection"
    role: Literal["detect", "model", "compare"] = Field(default="detect", description="检测, 建模 or 比对")
    sources: tuple[Literal["image", "image_stream", "video"], ...] = Field(default=("image_stream",), min_length=1)
    targets: Words = ()
    industries: Words = ()
    business: Words = ()
    places: Words = Field(default=(), description="场所 as paths, e.g. 道路/市内道路/道路周边")
    tags: Words = ()


class Needs(ManifestPart):
    """What the vendor says that one running algorithm takes beside the memory of its model, which a platform says."""

    disk_mb: int = Field(default=0, ge=0, le=1 << 20)
    cpu_cores: float | None = Field(default=None, gt=0, le=256)


class Capacity(ManifestPart):
    """What the vendor says that one device does (计算能力)."""

    platform: Literal["cpu", "cuda"]
    device: str = Field(default="", max_length=80, description="empty: any of the platform")
    images_per_s: float = Field(gt=0, le=1e6)


class Conditions(ManifestPart):
    """When the algorithm can be expected to work (应用条件)."""

    formats: Words = ("jpeg",)
    target_px: int | None = Field(default=None, ge=1, le=8192, description="least side of a target")
    occlusion: Text | None = None
    quality: Text | None = None
    other: Text | None = None


class Scene(ManifestPart):
    """A scene in words and, if there is one, a picture of the package (场景说明)."""

    text: Text
    picture: PackagePath | None = None


class Scenes(ManifestPart):
    """Where the algorithm fits, and where it does not."""

    good: tuple[Scene, ...] = Field(default=(), max_length=16)
    bad: tuple[Scene, ...] = Field(default=(), max_length=16)


class Training(ManifestPart):
    """Which training the model comes from (算法模型信息)."""

    model_name: Word
    model_no: str = Field(default="", max_length=64)
    model_version: str = Field(default="", max_length=64)
    dataset_version: str = Field(default="", max_length=64)


class Evaluation(ManifestPart):
    """Figures of the vendor on a check set."""

    check_set: Word
    precision: float | None = Field(default=None, ge=0, le=1)
    recall: float | None = Field(default=None, ge=0, le=1)
    map50: float | None = Field(default=None, ge=0, le=1)
    tool: str = Field(default="", max_length=80)


class Note(ManifestPart):
    """What is new in a version (版本迭代说明)."""

    version: Version
    on: date
    text: Text


class Activation(ManifestPart):
    """Whether the algorithm may be used without a licence of its vendor."""

    mode: Literal["none", "offline_file", "server"] = "none"


class Licence(ManifestPart):
    """SPDX identifiers of the software and of the weights, and how use is licensed."""

    software: str = Field(min_length=1, max_length=64)
    weights: str | None = Field(default=None, max_length=64)
    activation: Activation = Activation()
