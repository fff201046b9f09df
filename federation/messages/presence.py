"""Who is there: the retained message and last will of a node."""

from pydantic import AwareDatetime, Field

from federation.messages.identifiers import Slug
from federation.messages.wire import WireModel

PROTOCOL = (1, 1)
"""Lowest and highest version of these messages that this release speaks."""


def understands(theirs: tuple[int, int], ours: tuple[int, int] = PROTOCOL) -> bool:
    """Tell whether two ranges of versions, lowest and highest, have one in common."""
    return theirs[0] <= ours[1] and ours[0] <= theirs[1]


class Presence(WireModel):
    """Retained on `topics.presence`; the will carries the same `incarnation` with `online` false.

    `incarnation` is a durable counter of connections: a will older than the newest birth is stale.
    """

    node_id: Slug
    incarnation: int = Field(ge=1)
    online: bool
    profile: str
    software: str
    protocol: tuple[int, int] = Field(default=PROTOCOL, description="lowest and highest spoken")
    panel_url: str = Field(default="", description="where the appliance's own web panel answers")
    started_at: AwareDatetime
