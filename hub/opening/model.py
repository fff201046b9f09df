"""Subscriptions as they go over the wire."""

from pydantic import AwareDatetime, Field

from federation.http import Input, Output, PageQuery
from federation.messages import BrokerEndpoint, Event, Slug


class SubscriptionDraft(Input):
    """A feed of events for one bureau; empty filters let everything through."""

    bureau: Slug = Field(description="name in the topic feed/1/{bureau}/events")
    name: str = Field(min_length=1, max_length=64)
    types: tuple[str, ...] = Field(
        default=(),
        max_length=200,
        description="event codes, own or mapped (event-code-mappings); a parent's stands for its children",
    )
    point_ids: tuple[Slug, ...] = Field(default=(), max_length=1000)
    only_true: bool = Field(default=False, description="wait for the verdict 正报")


class Subscription(Output):
    """One bureau's feed and how it goes."""

    bureau: str
    name: str
    types: tuple[str, ...]
    point_ids: tuple[str, ...]
    only_true: bool
    enabled: bool
    topic: str
    created_at: AwareDatetime
    delivered: int
    last_delivered_at: AwareDatetime | None


class SubscriptionCredentials(Output):
    """A feed with its credentials, which are shown this once."""

    subscription: Subscription
    brokers: tuple[BrokerEndpoint, ...] = Field(description="where the broker answers; several are those of one broker")
    ca: str = Field(description="PEM of the authority that signs the broker's certificate; no secret")
    username: str
    password: str = Field(repr=False)


class SubscriptionChange(Input):
    """Switch a feed on or off."""

    enabled: bool


class FeedItem(Output):
    """One event of a feed; `sequence` has no holes, so that a subscriber sees what it missed."""

    sequence: int
    event: Event
    mapped_code: str | None = Field(
        default=None, description="by which code others know the event's type, as was said when the event came"
    )


class FeedQuery(PageQuery):
    """What a subscriber missed: everything after a sequence number."""

    after: str | None = Field(default=None, pattern=r"^\d{1,18}$", description="last sequence got")
