"""An event that a hub hands on to the hub above it: where it came from, and which hubs it passed."""

from pydantic import Field

from federation.messages.event import Event
from federation.messages.identifiers import Slug
from federation.messages.wire import WireModel

MOST_HOPS = 8


class Hop(WireModel):
    """One hub that an event passed."""

    hub_id: str = Field(min_length=1, max_length=64)
    name: str = Field(max_length=64)


class Origin(WireModel):
    """Where an event was first taken over: the box, its place in the box's outbox, the point as it was called there."""

    node_id: Slug
    epoch: str = Field(max_length=64)
    sequence: int = Field(ge=0)
    point_name: str = Field(max_length=100)
    bureau: str = Field(default="", max_length=64)


class ForwardedEvent(Event):
    """An event from a hub below: `source` is that hub as a node, `path` begins with the hub of the origin."""

    origin: Origin
    path: tuple[Hop, ...] = Field(min_length=1, max_length=MOST_HOPS)

    def passed(self, hub_id: str) -> bool:
        """Tell whether the event was at a hub before."""
        return any(hop.hub_id == hub_id for hop in self.path)


def as_forwarded(event: Event) -> ForwardedEvent | None:
    """Return the event as one from a hub below, None if a box of this hub saw it."""
    if isinstance(event, ForwardedEvent):
        return event
    return ForwardedEvent.model_validate(event.model_dump()) if (event.model_extra or {}).get("path") else None
