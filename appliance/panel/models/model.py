"""What the API of models takes and says."""

from enum import StrEnum
from typing import Annotated, Self

from pydantic import AwareDatetime, Field, StringConstraints, model_validator

from appliance.local import PictureVerdict
from federation.http import Input, Output, PageQuery
from federation.packages.description import AlgorithmId, Version

RelativeName = Annotated[str, StringConstraints(min_length=1, max_length=500)]


class LookQuery(Input):
    """Which algorithm shall look."""

    algorithm_id: AlgorithmId
    version: Version = Field(description="as GET /api/v1/models names it behind the algorithm")


class HandedPicture(Input):
    """A picture in the request: JPEG, PNG or WebP in Base64."""

    name: str = Field(default="", max_length=200)
    content: str = Field(min_length=1, max_length=4 << 20, description="in Base64")


class JobDraft(Input):
    """Pictures for one model: those of the request, or of a folder, or of a film in the box's folder of footage."""

    algorithm_id: AlgorithmId
    version: Version
    pictures: tuple[HandedPicture, ...] = Field(default=(), max_length=100)
    folder: RelativeName | None = Field(default=None, description="its JPEG, PNG and WebP files by name; not below it")
    film: RelativeName | None = None
    every_s: float = Field(default=1.0, ge=0, le=3600, description="from one picture of a film to the next; 0 for all")
    queue: bool = Field(default=False, description="the results also go to the box's message queue, as they come")
    callback_url: str | None = Field(
        default=None, max_length=2000, pattern=r"^https?://", description="gets the results by POST once all are there"
    )

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if sum((bool(self.pictures), self.folder is not None, self.film is not None)) != 1:
            msg = "give one of pictures, folder and film"
            raise ValueError(msg)
        return self


class JobState(StrEnum):
    """How far a picture task is."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


class Job(Output):
    """A picture task; `reason` says why it failed, `callback_reason` why its results were not taken."""

    id: str
    algorithm_id: str
    version: str
    source: str = Field(description="its folder or film, or nothing for pictures of the request")
    ordered_at: AwareDatetime
    state: JobState
    reason: str
    callback_reason: str
    pictures: int = Field(description="pictures looked at so far")
    total: int | None = Field(description="how many there are; absent while that is not known")
    reported: int = Field(description="of those looked at, those that the rule would report")
    queue: bool = Field(description="whether its results go to the box's message queue")
    queue_waiting: int = Field(description="results that the queue has not taken yet")
    faults: int = Field(description="of them, those that could not be analysed")


class FootageItem(Output):
    """A folder with pictures, or a film, that a picture task may name."""

    name: str
    film: bool
    pictures: int
    size_bytes: int


class FootageStore(Output):
    """What lies on this box for picture tasks, and whether the box has a message queue for their results."""

    items: tuple[FootageItem, ...]
    queue: bool
    queue_fault: str = Field(description="why results cannot be handed to the queue now; empty if they can")


class JobRow(Output):
    """The result of one picture."""

    number: int
    name: str
    verdict: PictureVerdict


class ResultQuery(PageQuery):
    """Results after number `after`."""

    after: str | None = Field(default=None, pattern=r"^\d{1,9}$", description="`next` of the page before")
