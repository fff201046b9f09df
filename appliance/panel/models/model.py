"""What the API of models takes beside picture tasks, and how those are kept and told."""

from typing import Self

from pydantic import BaseModel, ConfigDict, Field

from appliance.store.picture_jobs import StoredJob, StoredResult
from federation.http import Input
from federation.messages import Slug
from federation.packages.description import AlgorithmId, Version
from federation.viewing.pictures import Job, JobDraft, JobRow, PictureVerdict


class LookQuery(Input):
    """Which algorithm shall look."""

    algorithm_id: AlgorithmId
    version: Version = Field(description="as GET /api/v1/models names it behind the algorithm")
    point_id: Slug | None = Field(default=None, description="whose picture it is: what is drawn for it holds")


class JobPlan(BaseModel):
    """What a picture task does, as it is kept: pictures of the request lie beside it under their numbers."""

    model_config = ConfigDict(frozen=True)

    algorithm_id: str
    version: str
    handed: tuple[str, ...] = Field(default=(), description="names of the pictures of the request")
    urls: tuple[str, ...] = ()
    folder: str | None = None
    film: str | None = None
    every_s: float
    queue: bool
    callback_url: str | None

    @classmethod
    def of(cls, draft: JobDraft) -> Self:
        """Return the plan of an order."""
        names = tuple(picture.name for picture in draft.pictures)
        return cls(handed=names, **draft.model_dump(exclude={"pictures"}))

    @property
    def source(self) -> str:
        """Its folder or film, or nothing."""
        return self.film or self.folder or ""

    @property
    def total(self) -> int | None:
        """How many pictures there are, None where that is to be found out."""
        return len(self.handed) or len(self.urls) or None

    @property
    def package(self) -> tuple[str, str]:
        """The algorithm and its version."""
        return self.algorithm_id, self.version


def shown(job: StoredJob, plan: JobPlan, queue_waiting: int) -> Job:
    """Return a task as the API tells it."""
    return Job(
        id=job.id,
        algorithm_id=plan.algorithm_id,
        version=plan.version,
        source=plan.source,
        ordered_at=job.ordered_at,
        ended_at=job.ended_at,
        state=job.state,
        reason=job.reason,
        callback=job.callback,
        callback_reason=job.callback_reason,
        pictures=job.pictures,
        total=job.total,
        reported=job.reported,
        queue=plan.queue,
        queue_waiting=queue_waiting,
        faults=job.faults,
        of_plan=job.of_plan,
    )


def row_of(result: StoredResult) -> JobRow:
    """Return a result as the API tells it."""
    verdict = PictureVerdict.model_validate_json(result.body)
    return JobRow(number=result.number, name=result.name, verdict=verdict)
