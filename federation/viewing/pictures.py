"""Picture tasks (图片任务) as they go over HTTP: the same at the box that looks at the pictures, and at its hub."""

from enum import StrEnum
from typing import Annotated, Self

from pydantic import AwareDatetime, Field, StringConstraints, model_validator

from federation.http import Input, Output, PageQuery
from federation.messages import Detection, Shapes
from federation.messages.geometry import Share
from federation.messages.wire import WireModel
from federation.packages.description import AlgorithmId, Version

HANDED_BYTES = 4 << 20
"""The largest picture in an order; in Base64 it grows by a third."""

HANDED_CHARACTERS = -(-HANDED_BYTES // 3) * 4
ORDER_BYTES = 32 << 20
"""The largest order, all its pictures together in Base64."""

FILM_BYTES = 2 << 30
"""The largest film that is uploaded."""

MOST_HANDED = 100
MOST_ADDRESSES = 500

RelativeName = Annotated[str, StringConstraints(min_length=1, max_length=500)]
WebAddress = Annotated[str, StringConstraints(max_length=2000, pattern=r"^https?://[^\s/]")]
FileName = Annotated[str, StringConstraints(pattern=r"^[^/\\\x00.][^/\\\x00]{0,199}$")]
ResultNumber = Annotated[int, Field(ge=1, le=10**9)]
JobId = Annotated[str, StringConstraints(pattern=r"^[0-9a-f-]{36}$")]


class HandedPicture(Input):
    """A picture in the request: JPEG, PNG or WebP in Base64."""

    name: str = Field(default="", max_length=200)
    content: str = Field(
        min_length=1,
        max_length=HANDED_CHARACTERS,
        description=f"in Base64, of a file of at most {HANDED_BYTES >> 20} MiB; bring larger ones as footage",
    )

    @model_validator(mode="after")
    def _is_no_larger(self) -> Self:
        if len(self.content) // 4 * 3 - self.content[-2:].count("=") > HANDED_BYTES:
            msg = f"give a picture of at most {HANDED_BYTES >> 20} MiB"
            raise ValueError(msg)
        return self


class JobDraft(Input):
    """Pictures for one model: of the request, at web addresses, or a folder or film in the box's folder of footage."""

    algorithm_id: AlgorithmId
    version: Version
    pictures: tuple[HandedPicture, ...] = Field(
        default=(),
        max_length=MOST_HANDED,
        description=f"the whole request has at most {ORDER_BYTES >> 20} MiB",
    )
    urls: tuple[WebAddress, ...] = Field(
        default=(), max_length=MOST_ADDRESSES, description="fetched by the box, one after the other; none of its own"
    )
    folder: RelativeName | None = Field(default=None, description="its JPEG, PNG and WebP files by name; not below it")
    film: RelativeName | None = None
    every_s: float = Field(default=1.0, ge=0, le=3600, description="from one picture of a film to the next; 0 for all")
    queue: bool = Field(default=False, description="the results also go to the box's message queue, as they come")
    callback_url: WebAddress | None = Field(
        default=None, description="gets the results by POST once all are there; not an address of the box itself"
    )

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        sources = (bool(self.pictures), bool(self.urls), self.folder is not None, self.film is not None)
        if sum(sources) != 1:
            msg = "give one of pictures, urls, folder and film"
            raise ValueError(msg)
        return self


class JobState(StrEnum):
    """How far a picture task is."""

    WAITING = "waiting"
    RUNNING = "running"
    STOPPED = "stopped"
    DONE = "done"
    FAILED = "failed"


class CallbackState(StrEnum):
    """What became of the results that a picture task hands to an address."""

    NONE = "none"
    WAITING = "waiting"
    DELIVERED = "delivered"
    FAILED = "failed"


class Job(Output):
    """A picture task; `reason` says why it failed, `callback_reason` why its results were not taken."""

    id: str
    algorithm_id: str
    version: str
    source: str = Field(description="its folder or film, or nothing for pictures of the request or at web addresses")
    ordered_at: AwareDatetime
    ended_at: AwareDatetime | None = None
    state: JobState
    reason: str
    callback: CallbackState = Field(description="waiting until the task has ended, and while it is tried again")
    callback_reason: str
    pictures: int = Field(description="pictures looked at so far")
    total: int | None = Field(description="how many there are; absent while that is not known")
    reported: int = Field(description="of those looked at, those that the rule would report")
    queue: bool = Field(description="whether its results go to the box's message queue")
    queue_waiting: int = Field(description="results that the queue has not taken yet")
    faults: int = Field(description="of them, those that could not be analysed")
    of_plan: bool = Field(default=False, description="whether a snapshot plan ordered it")


class FootageItem(Output):
    """A folder with pictures, or a film, that a picture task may name."""

    name: str
    film: bool
    pictures: int
    size_bytes: int


class FootageStore(Output):
    """What lies on this box for picture tasks, what can look at it, and whether a message queue gets results."""

    items: tuple[FootageItem, ...]
    algorithms: tuple[str, ...] = Field(description="algorithm and version of every model that is loaded")
    queue: bool
    queue_fault: str = Field(description="why results cannot be handed to the queue now; empty if they can")


class PictureEvent(WireModel):
    """An event that a rule would report of a picture that stays as it is, and after how many seconds."""

    code: str
    after_s: int = Field(ge=0)
    score: Share
    detections: tuple[Detection, ...] = Field(default=(), description="what it is about")


class PictureVerdict(WireModel):
    """What a model sees in one picture, and what its rule makes of it; `fault` says why there is nothing."""

    width_px: int = 0
    height_px: int = 0
    took_ms: float = Field(default=0.0, description="from its turn in the line to the answer")
    at_s: float = Field(default=0.0, description="place in a film, in seconds")
    of_s: float = Field(default=0.0, description="length of that film; 0 where it is not known")
    detections: tuple[Detection, ...] = ()
    events: tuple[PictureEvent, ...] = ()
    drawn: Shapes = Field(default=Shapes(), description="what was drawn for the view of the camera, and judged by")
    unjudged: str = Field(default="", description="why the rule says nothing of it, as code and words")
    fault: str = Field(default="", description="why nothing can be seen in it, as code and words")


class JobRow(Output):
    """The result of one picture."""

    number: int
    name: str
    verdict: PictureVerdict


class ResultQuery(PageQuery):
    """Results after number `after`."""

    after: str | None = Field(default=None, pattern=r"^\d{1,9}$", description="`next` of the page before")
