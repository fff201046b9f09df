"""The hub's one MQTT session: what nodes say, in order, to the part that asked for it."""

import asyncio
import logging
import secrets
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TypeVar

from pydantic import ValidationError

from federation import topics
from federation.bus import BrokerAddress, BusError, Connected, Disconnected, Item, Message, NotConnected, Session
from federation.messages import WireModel

log = logging.getLogger(__name__)

SUBSCRIPTIONS = (f"{topics.ROOT}/+/s", f"{topics.ROOT}/+/u/#")
MESSAGES_AT_ONCE = 1000
END_WITHIN_S = 5.0
ANSWERED_WITHIN_S = 5.0
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

    Messages that wait are bounded in bytes; what is dropped, malformed or failed is counted, and of what is malformed
    why: `unreadable`, `nul`, `other_node` or `unknown_kind`.
    """

    def __init__(self) -> None:
        """Start without handlers and without a connection."""
        self.received = 0
        self.malformed = 0
        self.reasons: Counter[str] = Counter()
        self.failed = 0
        self._told = False
        self._handlers: dict[str, Handler] = {}
        self._greetings: list[Greeting] = []
        self._session: Session | None = None
        self._address: BrokerAddress | None = None

    @property
    def connected(self) -> bool:
        """Whether messages can be published now."""
        return self._session is not None and self._session.connected

    @property
    def dropped(self) -> int:
        """Messages that found no room since the program started."""
        return self._session.dropped if self._session is not None else 0

    def handle(self, kinds: Sequence[str], handler: Handler) -> None:
        """Give messages of these kinds (`s`, `u/r`, `u/hello`, `u/b/events` …) to `handler`."""
        for kind in kinds:
            self._handlers[kind] = handler

    def when_connected(self, greeting: Greeting) -> None:
        """Await `greeting` after every connection: the broker has forgotten everything."""
        self._greetings.append(greeting)

    def publish(self, topic: str, payload: bytes, *, retain: bool = False, qos: int = 1) -> None:
        """Publish; raise NotConnected or Congested. Success is not delivery."""
        if self._session is None:
            raise NotConnected(topic)
        self._session.publish(topic, payload, retain=retain, qos=qos)

    async def answered(self) -> None:
        """Return once the broker has dealt with all that came before, or does not answer in time."""
        if self._session is not None:
            with suppress(BusError, TimeoutError):
                await self._session.hand_over(topics.NOBODY, [b""], within_s=ANSWERED_WITHIN_S)

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
            self._refuse(incoming, "nul", "it contains the NUL character, which PostgreSQL cannot store")
            return None
        try:
            message = model.from_bytes(incoming.payload)
        except ValueError as error:
            self._refuse(incoming, "unreadable", _reason(error))
            return None
        if getattr(message, "node_id", incoming.node_id) != incoming.node_id:
            self._refuse(incoming, "other_node", "it speaks of another node")
            return None
        return message

    async def run(self, address: BrokerAddress) -> None:
        """Stay connected and hand messages over until cancelled."""
        # An unguessable client id: whoever connects with the same one would throw the hub out.
        client_id = f"hub-{secrets.token_hex(8)}"
        async with Session(address, client_id=client_id, subscriptions=SUBSCRIPTIONS) as session:
            self._session, self._address = session, address
            try:
                while True:
                    await self._take(await session.some(MESSAGES_AT_ONCE))
            finally:
                self._session = self._address = None

    async def _take(self, items: Sequence[Item]) -> None:
        """Hand over what has arrived, all at once for each handler: in order for each, and in none between them."""
        runs: dict[Handler, list[Incoming]] = {}
        for item in items:
            match item:
                case Message():
                    self._sort(item, runs)
                case Connected():
                    await self._hand_over(runs)
                    runs.clear()
                    await self._greet()
                case Disconnected(reason=reason):
                    if not self._told:
                        log.warning("no link to the broker: %s", reason)
                    self._told = True
        await self._hand_over(runs)

    def _sort(self, message: Message, runs: dict[Handler, list[Incoming]]) -> None:
        self.received += 1
        node_id, _, kind = message.topic.removeprefix(f"{topics.ROOT}/").partition("/")
        handler = self._handlers.get(kind)
        if handler is None:
            self.malformed += 1
            self.reasons["unknown_kind"] += 1
            return
        incoming = Incoming(node_id=node_id, kind=kind, payload=message.payload, retained=message.retained)
        runs.setdefault(handler, []).append(incoming)

    async def _greet(self) -> None:
        self._told = False
        log.info("link to the broker stands")
        for greeting in self._greetings:
            try:
                await greeting()
            except Exception:  # one part's failure must not silence the others; the next connection tries again
                self.failed += 1
                log.exception("a part failed to greet the broker")

    async def _hand_over(self, runs: Mapping[Handler, Sequence[Incoming]]) -> None:
        for handler, run in runs.items():
            try:
                await handler(run)
            except Exception:  # the link outlives a failed part; custody sends again what was not acknowledged
                self.failed += len(run)
                log.exception("%d messages of %s failed", len(run), run[0].kind)

    def _refuse(self, incoming: Incoming, reason: str, words: str) -> None:
        self.malformed += 1
        self.reasons[reason] += 1
        log.warning("malformed message ignored: node=%s kind=%s: %s", incoming.node_id, incoming.kind, words)


def _reason(error: ValueError) -> str:
    if isinstance(error, ValidationError):
        return str(error.errors(include_url=False, include_input=False)[0]["msg"])
    return str(error)
