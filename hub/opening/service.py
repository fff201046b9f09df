"""Subscriptions: each bureau's own feed of events, with its own durable sequence."""

import asyncio
import hashlib
import hmac
import logging
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, delete, insert, select, update

from federation import topics
from federation.bus import BusError
from federation.http import Page, PageQuery, Principal
from federation.http.problem import conflict, not_found
from federation.messages import BrokerEndpoint, Event
from hub.database import Database
from hub.database.moments import from_us, maybe_from_us, now_us
from hub.events.recorded import Recorded
from hub.events.tables import events
from hub.fleet.authority import HubAuthority
from hub.fleet.broker_admission import BrokerAdmission
from hub.fleet.broker_files import subscriber_username
from hub.fleet.link import Link
from hub.metrics import Figure
from hub.opening.feed import Filter, share_out
from hub.opening.model import FeedItem, FeedQuery, Subscription, SubscriptionCredentials, SubscriptionDraft
from hub.opening.tables import feed_items, subscriptions
from hub.security.audit import Actor, record

log = logging.getLogger(__name__)

ITEMS_AT_ONCE = 200
LOOK_EVERY_S = 5.0
SUBSCRIBER = "subscriber"


class Feeds:
    """Puts events into feeds within the transaction that stores or judges them."""

    def add(self, connection: Connection, recorded: Sequence[Recorded]) -> None:
        """Give new events to the feeds that take them at once."""
        _append(connection, share_out(_filters(connection), recorded, judged_true=False))

    def confirm(self, connection: Connection, judged: Recorded) -> None:
        """Give an event to the feeds that wait for the verdict 正报, once."""
        _append(connection, share_out(_filters(connection), [judged], judged_true=True))


class Opening:
    """Subscriptions, their credentials, and the delivery of their feeds."""

    def __init__(
        self,
        *,
        database: Database,
        link: Link,
        admission: BrokerAdmission,
        authority: HubAuthority,
        brokers: tuple[BrokerEndpoint, ...],
    ) -> None:
        """Tell subscribers to find the broker at `brokers`, and by which authority to know it."""
        self.published = 0
        self._database = database
        self._link = link
        self._admission = admission
        self._authority = authority
        self._brokers = brokers
        self._something_new = asyncio.Event()
        link.when_connected(self._connected)

    def wake(self) -> None:
        """Say that feeds may have grown."""
        self._something_new.set()

    async def run(self) -> None:
        """Publish what feeds gained until cancelled; what the broker does not take now is taken later."""
        while True:
            self._something_new.clear()
            try:
                while await self._publish_some():
                    pass
            except BusError as error:
                log.info("feeds wait for the broker: %s", type(error).__name__)
            try:
                async with asyncio.timeout(LOOK_EVERY_S):
                    await self._something_new.wait()
            except TimeoutError:
                continue

    def figures(self) -> list[Figure]:
        """Return the figures for Prometheus."""
        return [Figure(name="feed_items_published", help="Feed items published", value=self.published, counter=True)]

    async def page(self, query: PageQuery) -> Page[Subscription]:
        """Return one page in order of bureau."""
        statement = select(subscriptions).order_by(subscriptions.c.bureau).limit(query.limit + 1)
        if query.after is not None:
            statement = statement.where(subscriptions.c.bureau > query.after)
        found = await self._database.run(lambda connection: connection.execute(statement).all())
        items = tuple(_shown(row) for row in found[: query.limit])
        return Page(items=items, next=items[-1].bureau if len(found) > query.limit else None)

    async def create(self, draft: SubscriptionDraft, actor: Actor) -> SubscriptionCredentials:
        """Open a feed for a bureau; its password is in this answer only."""

        def work(connection: Connection) -> tuple[Subscription, str, str]:
            if _find(connection, draft.bureau) is not None:
                raise conflict("subscription_exists", f"The bureau {draft.bureau!r} has a feed already.")
            username, password = self._admission.issue_subscriber(connection, draft.bureau)
            connection.execute(
                insert(subscriptions).values(
                    bureau=draft.bureau,
                    name=draft.name,
                    types=list(draft.types),
                    point_ids=list(draft.point_ids),
                    only_true=draft.only_true,
                    enabled=True,
                    password_digest=_digest(password),
                    sequence=0,
                    published=0,
                    created_at_us=now_us(),
                )
            )
            record(connection, actor, "subscription.create", f"subscription:{draft.bureau}", draft.model_dump())
            return _shown(_known(connection, draft.bureau)), username, password

        return await self._with_credentials(await self._database.run(work))

    async def switch(self, bureau: str, *, enabled: bool, actor: Actor) -> Subscription:
        """Switch a feed on or off; what happens while it is off never belongs to it."""

        def work(connection: Connection) -> Subscription:
            _known(connection, bureau)
            connection.execute(update(subscriptions).where(subscriptions.c.bureau == bureau).values(enabled=enabled))
            record(connection, actor, "subscription.switch", f"subscription:{bureau}", {"enabled": enabled})
            return _shown(_known(connection, bureau))

        subscription = await self._database.run(work)
        self.wake()
        return subscription

    async def remove(self, bureau: str, actor: Actor) -> None:
        """Close a feed: its credentials die at once."""

        def work(connection: Connection) -> None:
            _known(connection, bureau)
            self._admission.remove_subscriber(connection, bureau)
            connection.execute(delete(feed_items).where(feed_items.c.bureau == bureau))
            connection.execute(delete(subscriptions).where(subscriptions.c.bureau == bureau))
            record(connection, actor, "subscription.delete", f"subscription:{bureau}")

        await self._database.run(work)
        await self._admission.apply()

    async def renew_credentials(self, bureau: str, actor: Actor) -> SubscriptionCredentials:
        """Give a bureau a new password; the earlier one dies at once."""

        def work(connection: Connection) -> tuple[Subscription, str, str]:
            _known(connection, bureau)
            username, password = self._admission.issue_subscriber(connection, bureau)
            own = subscriptions.c.bureau == bureau
            connection.execute(update(subscriptions).where(own).values(password_digest=_digest(password)))
            record(connection, actor, "subscription.credentials", f"subscription:{bureau}")
            return _shown(_known(connection, bureau)), username, password

        return await self._with_credentials(await self._database.run(work))

    async def missed(self, bureau: str, query: FeedQuery) -> Page[FeedItem]:
        """Return what a feed holds after a sequence number, oldest first."""

        def work(connection: Connection) -> Page[FeedItem]:
            _known(connection, bureau)
            found = _items(connection, bureau, after=int(query.after or 0), limit=query.limit + 1)
            items = tuple(found[: query.limit])
            return Page(items=items, next=str(items[-1].sequence) if len(found) > query.limit else None)

        return await self._database.run(work)

    async def resolve_password(self, username: str, password: str) -> Principal | None:
        """Return the subscriber who has these credentials, or None."""
        bureau = username.removeprefix(subscriber_username(""))
        if bureau == username:
            return None
        row = await self._database.run(lambda connection: _find(connection, bureau))
        if row is None or not hmac.compare_digest(row.password_digest, _digest(password)):
            return None
        return Principal(kind=SUBSCRIBER, id=bureau, name=bureau)

    async def resolve_token(self, token: str) -> Principal | None:
        """Return the subscriber whose password is sent as a bearer token, or None."""
        statement = select(subscriptions.c.bureau).where(subscriptions.c.password_digest == _digest(token))
        bureau = await self._database.run(lambda connection: connection.scalar(statement))
        return None if bureau is None else Principal(kind=SUBSCRIBER, id=bureau, name=bureau)

    async def _connected(self) -> None:
        self.wake()

    async def _with_credentials(self, made: tuple[Subscription, str, str]) -> SubscriptionCredentials:
        subscription, username, password = made
        await self._admission.apply()
        return SubscriptionCredentials(
            subscription=subscription,
            brokers=self._brokers,
            ca=self._authority.ca,
            username=username,
            password=password,
        )

    async def _publish_some(self) -> bool:
        """Publish the next items of every feed; tell whether there were any."""
        waiting = await self._database.run(_waiting)
        for bureau, items in waiting.items():
            topic = topics.feed_events(bureau)
            done = 0
            try:
                for item in items:
                    self._link.publish(topic, item.model_dump_json().encode())
                    done = item.sequence
                    self.published += 1
            finally:
                if done:
                    await self._database.run(_marking(bureau, done))
        return bool(waiting)


def _filters(connection: Connection) -> list[Filter]:
    return [
        Filter(
            bureau=row.bureau,
            types=frozenset(row.types),
            point_ids=frozenset(row.point_ids),
            only_true=row.only_true,
        )
        for row in connection.execute(
            # In one order everywhere, so that two transactions never wait for each other.
            select(subscriptions).where(subscriptions.c.enabled).order_by(subscriptions.c.bureau)
        )
    ]


def _append(connection: Connection, shares: dict[str, list[str]]) -> None:
    for bureau, ids in shares.items():
        own = subscriptions.c.bureau == bureau
        # The row is locked from here to the commit, so that sequence numbers become visible in order.
        sequence = connection.execute(
            update(subscriptions)
            .where(own)
            .values(sequence=subscriptions.c.sequence)
            .returning(subscriptions.c.sequence)
        ).scalar_one()
        before = select(feed_items.c.event_id).where(feed_items.c.bureau == bureau, feed_items.c.event_id.in_(ids))
        given = set(connection.execute(before).scalars())
        fresh = [event_id for event_id in ids if event_id not in given]
        if not fresh:
            continue
        connection.execute(
            insert(feed_items),
            [
                {"bureau": bureau, "sequence": sequence + number, "event_id": event_id}
                for number, event_id in enumerate(fresh, start=1)
            ],
        )
        connection.execute(update(subscriptions).where(own).values(sequence=sequence + len(fresh)))


def _items(connection: Connection, bureau: str, *, after: int, limit: int) -> list[FeedItem]:
    found = connection.execute(
        select(feed_items.c.sequence, events.c.body, events.c.mapped_code)
        .join(events, events.c.id == feed_items.c.event_id)
        .where(feed_items.c.bureau == bureau, feed_items.c.sequence > after)
        .order_by(feed_items.c.sequence)
        .limit(limit)
    )
    return [
        FeedItem(sequence=row.sequence, event=Event.model_validate_json(row.body), mapped_code=row.mapped_code)
        for row in found
    ]


def _waiting(connection: Connection) -> dict[str, list[FeedItem]]:
    behind = connection.execute(
        select(subscriptions.c.bureau, subscriptions.c.published)
        .where(subscriptions.c.enabled, subscriptions.c.sequence > subscriptions.c.published)
        .order_by(subscriptions.c.bureau)
    ).all()
    return {row.bureau: _items(connection, row.bureau, after=row.published, limit=ITEMS_AT_ONCE) for row in behind}


def _marking(bureau: str, published: int) -> Any:
    def work(connection: Connection) -> None:
        connection.execute(
            update(subscriptions)
            .where(subscriptions.c.bureau == bureau)
            .values(published=published, last_delivered_at_us=now_us())
        )

    return work


def _find(connection: Connection, bureau: str) -> Any:
    return connection.execute(select(subscriptions).where(subscriptions.c.bureau == bureau)).first()


def _known(connection: Connection, bureau: str) -> Any:
    row = _find(connection, bureau)
    if row is None:
        raise not_found("subscription", bureau)
    return row


def _shown(row: Any) -> Subscription:
    return Subscription(
        bureau=row.bureau,
        name=row.name,
        types=tuple(row.types),
        point_ids=tuple(row.point_ids),
        only_true=row.only_true,
        enabled=row.enabled,
        topic=topics.feed_events(row.bureau),
        created_at=from_us(row.created_at_us),
        delivered=row.published,
        last_delivered_at=maybe_from_us(row.last_delivered_at_us),
    )


def _digest(password: str) -> str:
    return hashlib.sha256(password.encode()).hexdigest()
