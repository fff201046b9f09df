"""An algorithm of an outside system (算法系统): how it is asked by HTTP, and what its answer means.

Where the system is at a site, and the secret that it wants to see, are never in a package: a box's configuration binds
both to the name of the system, and without such a binding no picture leaves the box.
"""

from typing import Annotated, Literal, Self

from pydantic import Field, JsonValue, StringConstraints, model_validator

from federation.packages.description import AlgorithmId, Word
from federation.packages.pointers import Pointer, PointsNowhere, placed
from federation.packages.texts import ManifestPart

ServiceUrl = Annotated[
    str, StringConstraints(pattern=r"^https?://[A-Za-z0-9.-]{1,253}(:[0-9]{1,5})?(/[A-Za-z0-9._~/-]{0,200})?$")
]
"""Without user, query or fragment: secrets never stand in a package."""

FieldName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.-]{1,64}$")]
HeaderName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9-]{0,63}$")]
CallPath = Annotated[str, StringConstraints(pattern=r"^(/[A-Za-z0-9._~:-]+)*/?$", max_length=200)]
MOST_LABELS = 10_000


class Auth(ManifestPart):
    """How the secret is shown that a box's configuration holds for the system: `basic` means `user:password` there."""

    scheme: Literal["bearer", "basic", "header"] = "bearer"
    header: HeaderName | None = Field(default=None, description="the header that carries it, for scheme header")

    @model_validator(mode="after")
    def _header_where_needed(self) -> Self:
        if (self.scheme == "header") != (self.header is not None):
            msg = "scheme header names a header, every other scheme none"
            raise ValueError(msg)
        return self


class PictureRequest(ManifestPart):
    """How a picture is sent: as the JPEG itself, in a form of parts, or as Base64 inside a JSON document."""

    method: Literal["POST", "PUT"] = "POST"
    path: CallPath = Field(default="", description="what follows the system's URL")
    body: Literal["jpeg", "multipart", "json"] = "jpeg"
    field: FieldName = Field(default="image", description="name of the picture's part, for multipart")
    fields: dict[FieldName, Annotated[str, StringConstraints(max_length=1000)]] = Field(
        default_factory=dict, max_length=64, description="parts beside the picture, for multipart"
    )
    document: dict[str, JsonValue] = Field(default_factory=dict, max_length=64, description="what is sent, for json")
    at: Pointer = Field(default="/image", description="where in the document the picture goes, for json")
    prefix: str = Field(default="", max_length=100, description="what stands before the Base64, for json")
    widest_px: int = Field(default=1280, ge=64, le=4096, description="wider pictures are made smaller")

    @model_validator(mode="after")
    def _picture_has_a_place(self) -> Self:
        try:
            placed(self.document, self.at, "")
        except PointsNowhere as error:
            raise ValueError(str(error)) from error
        return self


class Success(ManifestPart):
    """What an answer says where all went well, for systems that answer 200 to everything."""

    at: Pointer
    equals: JsonValue


class AnswerReading(ManifestPart):
    """Where in the answer, JSON, the detections are. Pointers are of RFC 6901; those of an item begin at the item."""

    text: Pointer | None = Field(default=None, description="a text that holds the document, as language models answer")
    success: Success | None = None
    items: Pointer = Field(default="", description="the array of detections")
    may_lack: bool = Field(default=True, description="where nothing is seen, the array is absent or null")
    label: Pointer | None = Field(default=None, description="absent: an item is of the only label")
    labels: dict[Word, Word] = Field(
        default_factory=dict,
        max_length=MOST_LABELS,
        description="label by the system's word, other words are left out; empty: every word is a label",
    )
    score: Pointer | None = Field(default=None, description="absent: every item is certain")
    certain: float = Field(default=1.0, gt=0, le=1e6, description="the score that means certain: 1, or 100")
    box: tuple[Pointer, Pointer, Pointer, Pointer] | None = Field(
        default=None, description="where its four figures are; absent: the whole picture"
    )
    form: Literal["xywh", "xyxy", "cxcywh"] = "xywh"
    unit: Literal["share", "px"] = Field(default="px", description="px of the picture that was sent")


class Endpoint(ManifestPart):
    """An algorithm of an outside system that is asked by HTTP, as docs/algorithm-packages.md says."""

    system: AlgorithmId = Field(description="by this name a box's configuration says where it is, and its secret")
    url: ServiceUrl = Field(description="where its maker says that it is; a box goes by its own configuration")
    protocol: Literal["http-v1", "mapped"] = "http-v1"
    algorithm: AlgorithmId | None = Field(default=None, description="what the system calls it, for http-v1")
    mode: Literal["sync", "async"] = Field(default="sync", description="async: the answer is fetched, for http-v1")
    auth: Auth | None = None
    timeout_s: float = Field(default=10.0, gt=0, le=300, description="longest wait for one picture")
    at_once: int = Field(default=2, ge=1, le=32, description="pictures that it judges at one time")
    request: PictureRequest | None = Field(default=None, description="for mapped")
    answer: AnswerReading | None = Field(default=None, description="for mapped")

    @model_validator(mode="after")
    def _protocol_fits(self) -> Self:
        mapped = self.request is not None and self.answer is not None
        if self.protocol == "mapped" and (not mapped or self.algorithm is not None or self.mode != "sync"):
            msg = "protocol mapped has request and answer, and neither algorithm nor mode async"
            raise ValueError(msg)
        if self.protocol == "http-v1" and (self.algorithm is None or self.request or self.answer):
            msg = "protocol http-v1 has algorithm, and neither request nor answer"
            raise ValueError(msg)
        return self
