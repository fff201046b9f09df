"""Which pictures are wanted, and where those of a plan go, as the APIs of both sides take and show it."""

from typing import Literal, Self

from pydantic import Field

from federation.http import Input, Output, Problem
from federation.http.problem import FieldError
from federation.messages import Aim, CaptureTarget, PlanAlgorithm, Region, TargetUrl, Want

FRESH_S = 2.0
TAKEN_WITHIN_S = 10.0
SETTLED_WITHIN_S = 60.0
"""A person is answered after so long at the latest, and after the time of the attempt itself."""


class PictureDraft(Input):
    """A picture that is wanted of a camera, which is known."""

    aim: Aim | None = Field(default=None, description="where the camera is turned first; absent: as it looks now")
    region: Region | None = Field(default=None, description="what is kept of the picture; absent: all")
    fresh_s: float = Field(default=FRESH_S, ge=0, le=60, description="a picture that is at most so old will do")
    within_s: float = Field(default=TAKEN_WITHIN_S, ge=1, le=60, description="how long an attempt may wait for it")

    @property
    def want(self) -> Want:
        """What picture that is."""
        return Want(aim=self.aim, region=self.region)


def unknown_algorithm(named: PlanAlgorithm, hint: str) -> Problem:
    """Return the problem that a plan names an algorithm that is not there, with a `hint` at those that are."""
    text = f"There is no algorithm {named.algorithm_id!r} {named.version[:20]!r}; {hint}."
    return Problem(422, "unknown_algorithm", text, errors=(FieldError(field="body.algorithm", message=text),))


class TargetDraft(Input):
    """An HTTP service that takes pictures: JPEG as the body, who and when in the headers `Fengsui-…`."""

    url: TargetUrl = Field(description="`{point}` and `{snapshot}` in it stand for their ids")
    method: Literal["POST", "PUT"] = "POST"
    token: str | None = Field(
        default=None, max_length=512, pattern=r"^[\x21-\x7e]*$", repr=False, description="absent keeps the present one"
    )

    def settled(self, present: CaptureTarget | None) -> CaptureTarget:
        """Return the target; its token stays only while the address is the same: no other service is to learn it."""
        kept = present.token if present is not None and present.url == self.url else ""
        return CaptureTarget(url=self.url, method=self.method, token=kept if self.token is None else self.token)


class Target(Output):
    """A target without its secret."""

    url: str
    method: Literal["POST", "PUT"]
    has_token: bool

    @classmethod
    def shown(cls, target: CaptureTarget) -> Self:
        """Return what may be shown of a target."""
        return cls(url=target.url, method=target.method, has_token=bool(target.token))
