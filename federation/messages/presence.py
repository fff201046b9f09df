"""Who is there: the retained message and last will of a node."""

from pydantic import AwareDatetime, Field

from federation.messages.identifiers import Slug
from federation.messages.wire import WireModel


class Presence(WireModel):
    """Retained on `topics.presence`; the will carries the same `incarnation` with `online` false.

    `incarnation` is a durable counter of connections: a will older than the newest birth is stale.
    """

    node_id: Slug
    incarnation: int = Field(ge=1)
    online: bool
    profile: str
    software: str
    protocol: tuple[int, int] = Field(default=(1, 1), description="lowest and highest spoken")
    panel_url: str = Field(default="", description="where the appliance's own web panel answers")
    started_at: AwareDatetime
