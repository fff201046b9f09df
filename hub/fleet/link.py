"""The hub's one MQTT session: what nodes say, in order, to the part that asked for it."""

import asyncio
import logging
import secrets
from collections import deque
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

from pydantic import ValidationError

from federation import topics
from federation.bus import BrokerAddress, Connected, Message, NotConnected, Session
from federation.messages import WireModel

log = logging.getLogger(__name__)

SUBSCRIPTIONS = (f"{topics.ROOT}/+/s", f"{topics.ROOT}/+/u/#")
WAITING_MESSAGES = 8192
MESSAGES_AT_ONCE = 256
END_WITHIN_S = 5.0
ESCAPED_NUL = rb"\u0000"

Model = TypeVar("Model", bound=WireModel)


@dataclass(frozen=True, kw_only=True)
class Incoming:
    """One message of a node; `kind` is the topic below the node, e.g. `s` or `u/hello`."""

    node_id: str
    kind: str
    payload: bytes
    retained: bool = False


Handler = Callable[[Sequence[Incoming]], Awaitable[None]]
"""Takes consecutive messages in order of arrival; a failure is logged, and the messages are lost."""

Greeting = Callable[[], Awaitable[None]]


class Link:
    """Speaks with the broker for all parts of the hub. Register handlers before `run`.

    Messages that wait are bounded; what is dropped, malformed or failed is counted.
    """

    def __init__(self) -> None:
        """Start without handlers and without a connection."""
        self.received = 0
        self.malformed = 0
        self.failed = 0
        self.overflowed = 0
        self._handlers: dict[str, Handler] = {}
        self._greetings: list[Greeting] = []
        self._waiting: deque[Incoming | Connected] = deque()
        self._something_waits = asyncio.Event()
        self._session: Session | None = None
        self._address: BrokerAddress | None = None

    @property
    def connected(self) -> bool:
        """Whether messages can be published now."""
        return self._session is not None and self._session.connected

    @property
    def dropped(self) -> int:
        """Messages that found no room since the program started."""
        return self.overflowed + (self._session.dropped if self._session is not None else 0)

    def handle(self, kinds: Sequence[str], handler: Handler) -> None:
        """Give messages of these kinds (`s`, `u/r`, `u/hello`, `u/b/events` …) to `handler`."""
        for kind in kinds:
            self._handlers[kind] = handler

    def when_connected(self, greeting: Greeting) -> None:
        """Await `greeting` after every connection: the broker has forgotten everything."""
        self._greetings.append(greeting)

    def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> None:
        """Publish; raise NotConnected or Congested. Success is not delivery."""
        if self._session is None:
            raise NotConnected(topic)
        self._session.publish(topic, payload, retain=retain)

    async def end_session_of(self, node_id: str) -> bool:
        """End the node's session at the broker by taking its place for a moment; tell whether that succeeded.

        A broker must end a session when a client of the same id comes (MQTT 3.1.1, 3.1.4-2).
        """
        if not self.connected or self._address is None:
            return False
        async with Session(self._address, client_id=node_id) as place:
            try:
                async with asyncio.timeout(END_WITHIN_S):
                    while not isinstance(await place.next(), Connected):
                        pass
            except TimeoutError:
                return False
        return True

    def read(self, model: type[Model], incoming: Incoming, *, with_nul: bool = False) -> Model | None:
        """Return the message, or None, counted, if it is malformed or speaks of another node.

        `with_nul` is for who looks after NUL characters by itself: one bad row must not stop a lane.
        """
        if ESCAPED_NUL in incoming.payload and not with_nul:
            self._refuse(incoming, "it contains the NUL character, which PostgreSQL cannot store")
            return None
        try:
            message = model.model_validate_json(incoming.payload)
        except ValidationError as error:
            self._refuse(incoming, str(error.errors(include_url=False, include_input=False)[0]["msg"]))
            return None
        if getattr(message, "node_id", incoming.node_id) != incoming.node_id:
            self._refuse(incoming, "it speaks of another node")
            return None
        return message

    async def run(self, address: BrokerAddress) -> None:
        """Stay connected and hand messages over until cancelled."""
        # An unguessable client id: whoever connects with the same one would throw the hub out.
        client_id = f"hub-{secrets.token_hex(8)}"
        async with (
            Session(address, client_id=client_id, subscriptions=SUBSCRIPTIONS, inbox_size=WAITING_MESSAGES) as session,
            asyncio.TaskGroup() as group,
        ):
            self._session, self._address = session, address
            try:
                group.create_task(self._receive(session), name="link receive")
                await self._dispatch()
            finally:
                self._session = None

    async def _receive(self, session: Session) -> None:
        told = False
        while True:
            item = await session.next()
            if isinstance(item, Connected):
                self._waiting.append(item)
                told = False
            elif isinstance(item, Message):
                self._take(item)
            elif not told:
                log.warning("no link to the broker: %s", item.reason)
                told = True
            self._something_waits.set()

    def _take(self, message: Message) -> None:
        self.received += 1
        prefix = f"{topics.ROOT}/"
        node_id, _, kind = message.topic.removeprefix(prefix).partition("/")
        if kind not in self._handlers:
            self.malformed += 1
            return
        if len(self._waiting) >= WAITING_MESSAGES:
            self.overflowed += 1
            return
        self._waiting.append(Incoming(node_id=node_id, kind=kind, payload=message.payload, retained=message.retained))

    async def _dispatch(self) -> None:
        while True:
            await self._something_waits.wait()
            self._something_waits.clear()
            while self._waiting:
                if isinstance(self._waiting[0], Connected):
                    self._waiting.popleft()
                    await self._greet()
                else:
                    run = tuple(self._next_run())
                    await self._hand_over(self._handlers[run[0].kind], run)

    def _next_run(self) -> Iterator[Incoming]:
        """Take the consecutive waiting messages that belong to one handler."""
        handler: Handler | None = None
        for _ in range(MESSAGES_AT_ONCE):
            if not self._waiting or isinstance(self._waiting[0], Connected):
                return
            first = self._waiting[0]
            if handler is not None and self._handlers[first.kind] != handler:
                return
            handler = self._handlers[first.kind]
            self._waiting.popleft()
            yield first

    async def _greet(self) -> None:
        log.info("link to the broker stands")
        for greeting in self._greetings:
            try:
                await greeting()
            except Exception:  # one part's failure must not silence the others; the next connection tries again
                self.failed += 1
                log.exception("a part failed to greet the broker")

    async def _hand_over(self, handler: Handler, run: Sequence[Incoming]) -> None:
        try:
            await handler(run)
        except Exception:  # the link outlives a failed part; custody sends again what was not acknowledged
            self.failed += len(run)
            log.exception("%d messages of %s failed", len(run), run[0].kind)

    def _refuse(self, incoming: Incoming, reason: str) -> None:
        self.malformed += 1
        log.warning("malformed message ignored: node=%s kind=%s: %s", incoming.node_id, incoming.kind, reason)
