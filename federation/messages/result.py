"""A result: something that was done on an appliance and that is accounted for, with CloudEvents 1.0 attribute names."""

from pydantic import AwareDatetime, Field, JsonValue

from federation.messages.identifiers import Slug
from federation.messages.wire import WireModel


class ResultData(WireModel):
    """Who did what to which object, and with what outcome; `detail` is JSON without secrets."""

    actor_kind: str = Field(min_length=1, max_length=16, description="`user`, `hub` or `appliance` itself")
    actor: str = Field(max_length=64)
    peer: str = Field(default="", max_length=64, description="network address of the actor")
    subject: str = Field(default="", max_length=200, description="e.g. `camera:local-gate`")
    succeeded: bool = True
    detail: dict[str, JsonValue] = Field(default_factory=dict)


class Result(WireModel):
    """One result. `type` is e.g. `session.created`, `camera.add`, `process.restart`, `desired.apply`."""

    id: str = Field(description="UUIDv7", min_length=36, max_length=36)
    source: Slug = Field(description="the node on which it happened")
    type: str = Field(min_length=1, max_length=64)
    time: AwareDatetime
    specversion: str = "1.0"
    data: ResultData
