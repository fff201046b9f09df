"""Who is there: the retained message and last will of a node."""

from enum import StrEnum
from typing import Annotated

from pydantic import AwareDatetime, Field, StringConstraints

from federation.messages.desired import Applied
from federation.messages.identifiers import Slug
from federation.messages.wire import WireModel

PROTOCOL = (1, 1)
"""Lowest and highest version of these messages that this release speaks."""

MOST_PROBE_URLS = 8

ProbeUrl = Annotated[str, StringConstraints(pattern=r"^https?://(?:[0-9.]{7,15}|\[[0-9a-f:]{2,39}\]):[0-9]{1,5}$")]
"""Where a neighbour may ask whether the node lives: an IP address and a port, no name."""


class ClockState(StrEnum):
    """Whether a node's clock was set by NTP, or agrees with the hub's."""

    SYNCHRONISED = "synchronised"
    UNSYNCHRONISED = "unsynchronised"


def understands(theirs: tuple[int, int], ours: tuple[int, int] = PROTOCOL) -> bool:
    """Tell whether two ranges of versions, lowest and highest, have one in common."""
    return theirs[0] <= ours[1] and ours[0] <= theirs[1]


class Presence(WireModel):
    """Retained on `topics.presence`; the will carries the same `incarnation` with `online` false.

    `incarnation` is a durable counter of connections: a will older than the newest birth is stale.
    `boot_id` is the same for programs that share a kernel, so also its loopback addresses.
    """

    node_id: Slug
    incarnation: int = Field(ge=1)
    online: bool
    profile: str
    software: str
    protocol: tuple[int, int] = Field(default=PROTOCOL, description="lowest and highest spoken")
    panel_url: str = Field(default="", description="where the appliance's own web panel answers")
    started_at: AwareDatetime
    boot_id: str = Field(default="", max_length=64)
    probe_urls: tuple[ProbeUrl, ...] = Field(default=(), max_length=MOST_PROBE_URLS)
    clock: ClockState = ClockState.SYNCHRONISED
    applied: Applied = Field(default_factory=dict)
