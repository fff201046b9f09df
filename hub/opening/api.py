"""Routes of subscriptions and their feeds."""

from federation.http import Access, Call, Page, PageQuery, Problem, Routes
from federation.messages import Slug
from hub.opening.model import (
    FeedItem,
    FeedQuery,
    Subscription,
    SubscriptionChange,
    SubscriptionCredentials,
    SubscriptionDraft,
)
from hub.opening.service import SUBSCRIBER, Opening
from hub.security.audit import Actor
from hub.security.model import OPERATE, READ

CAN_OPERATE = Access(permission=OPERATE)


def routes(opening: Opening) -> Routes:
    """Return the operations on subscriptions and the feed that subscribers catch up by."""
    part = Routes(tag="subscriptions")

    @part.get("/api/v1/subscriptions", access=Access(permission=READ))
    async def list_subscriptions(query: PageQuery) -> Page[Subscription]:
        """List the bureaus' feeds."""
        return await opening.page(query)

    @part.post("/api/v1/subscriptions", access=CAN_OPERATE, status=201)
    async def create_subscription(call: Call, body: SubscriptionDraft) -> SubscriptionCredentials:
        """Open a feed for a bureau; the password is shown this once."""
        return await opening.create(body, Actor.of(call))

    @part.patch("/api/v1/subscriptions/{bureau}", access=CAN_OPERATE)
    async def switch_subscription(call: Call, bureau: Slug, body: SubscriptionChange) -> Subscription:
        """Switch a feed on or off."""
        return await opening.switch(bureau, enabled=body.enabled, actor=Actor.of(call))

    @part.delete("/api/v1/subscriptions/{bureau}", access=CAN_OPERATE)
    async def remove_subscription(call: Call, bureau: Slug) -> None:
        """Close a feed; its credentials die at once."""
        await opening.remove(bureau, Actor.of(call))

    @part.post("/api/v1/subscriptions/{bureau}/credentials", access=CAN_OPERATE)
    async def renew_subscription_credentials(call: Call, bureau: Slug) -> SubscriptionCredentials:
        """Give a bureau a new password, shown this once; the earlier one dies at once."""
        return await opening.renew_credentials(bureau, Actor.of(call))

    @part.get("/api/v1/feed/{bureau}/events")
    async def list_feed_events(call: Call, bureau: Slug, query: FeedQuery) -> Page[FeedItem]:
        """Give a subscriber what it missed: everything after a sequence number, oldest first."""
        own = call.principal.kind == SUBSCRIBER and call.principal.id == bureau
        if not own and not call.principal.may(OPERATE):
            raise Problem(403, "forbidden", "A feed is for its own bureau.")
        return await opening.missed(bureau, query)

    return part
