"""The cascade as it goes over the wire."""

from typing import Annotated

from pydantic import AwareDatetime, Field, StringConstraints

from federation.http import Input, Output
from federation.messages import Slug
from hub.fleet.model import NodeState

LARGEST_BUNDLE = 65_536
MOST_CHOSEN = 500

EventCode = Annotated[str, StringConstraints(min_length=1, max_length=128)]


class JoinAttempt(Output):
    """A bundle that has not let this hub in yet; `code` and `reason` say why."""

    hub_name: str
    refused: bool
    code: str
    reason: str


class UpperHub(Output):
    """The hub above this one, and how far it has got.

    `waiting` are events that it has not acknowledged, `pictures_waiting` pictures of theirs that it has not stored.
    """

    hub_name: str
    hub_id: str
    hub_url: str
    node_id: Slug
    joined_at: AwareDatetime
    connected: bool
    connected_since: AwareDatetime | None
    last_ack_age_s: float | None
    handed_on: int = Field(description="events that were put into its outbox")
    acknowledged: int
    waiting: int
    pictures_waiting: int
    certificate_expires_at: AwareDatetime
    refusal: str = Field(description="why the upper hub refuses this one, or empty")
    types: tuple[str, ...] = Field(description="event codes, own or mapped, that are handed on; empty: all")
    point_ids: tuple[str, ...] = Field(description="points whose events are handed on; empty: all")


class LowerHub(Output):
    """A hub below this one, which is a node here."""

    node_id: Slug
    name: str
    state: NodeState
    events_backlog: int
    last_seen_at: AwareDatetime | None


class CascadeState(Output):
    """Where this hub stands between those above and below it."""

    hub_id: str
    hub_name: str
    upper: UpperHub | None
    attempt: JoinAttempt | None
    lower: tuple[LowerHub, ...]


class BundleText(Input):
    """The bundle that the upper hub made, as text."""

    bundle: str = Field(max_length=LARGEST_BUNDLE, repr=False)


class RuleDraft(Input):
    """What is handed on to the upper hub from now on; an empty list lets everything through."""

    types: tuple[EventCode, ...] = Field(default=(), max_length=MOST_CHOSEN)
    point_ids: tuple[Slug, ...] = Field(default=(), max_length=MOST_CHOSEN)
