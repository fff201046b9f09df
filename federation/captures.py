"""Where the pictures of a plan of snapshots go, as the APIs of both sides take and show it."""

from typing import Literal, Self

from pydantic import Field

from federation.http import Input, Output
from federation.messages import CaptureTarget, TargetUrl


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
